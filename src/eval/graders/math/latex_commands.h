// What LaTeX commands mean in an answer.
#pragma once

#include <string_view>

namespace qreason::math {

enum class CommandKind {
  kOperator,       // a symbol token: \le is "<="
  kName,           // a command token: \dfrac is "frac"
  kNothing,        // \left, \displaystyle, \Large
  kDropsArgument,  // \hspace{1cm}, \color{blue}
  kText,           // \text{...}, \mathrm{...}
  kLetterStyle,    // \mathbf{x}: the letter itself
  kAccent,         // \vec{x}, \bar{x}: a letter of its own
};

struct CommandRule {
  std::string_view name;
  CommandKind kind;
  std::string_view text;  // of the token, or of the accent
};

// nullptr: a command token of that name.
const CommandRule* find_command(std::string_view name);

bool is_function_name(std::string_view word);

}  // namespace qreason::math
