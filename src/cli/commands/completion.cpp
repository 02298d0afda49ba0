#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/manual_page.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/shell_completion.h"

namespace qreason {
namespace {

class CompletionCommand : public Command {
 public:
  std::string_view name() const override { return "completion"; }
  std::string_view purpose() const override {
    return "Prints a script that completes command lines in bash, zsh or fish, or the manual page";
  }
  std::string_view example() const override { return "qreason completion --for zsh > ~/.zfunc/_qreason"; }
  void declare(OptionSet& options) override {
    options.choice("--for", what_, {"bash", "zsh", "fish", "man"},
                   "The shell, or man: the manual page, qreason completion --for man > qreason.1");
  }

  void run(const CommonOptions& common) override {
    const auto commands = all_commands();
    std::vector<CommandHelp> helps;
    for (const auto& command : commands) helps.push_back(option_texts(*command));
    const std::string text = what_ == "man"    ? manual_page(helps)
                             : what_ == "zsh"  ? zsh_completion(helps)
                             : what_ == "fish" ? fish_completion(helps)
                                               : bash_completion(helps);
    if (common.json) return print_json({{"for", what_}, {"text", text}});
    fmt::print("{}", text);
  }

 private:
  std::string what_ = "bash";
};

}  // namespace

std::unique_ptr<Command> make_completion_command() {
  return std::make_unique<CompletionCommand>();
}

}  // namespace qreason
