// Another program, run to its end: found in PATH, started without a shell.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

// The executable file of this name in the folders of PATH; nullopt where there is none.
std::optional<std::filesystem::path> find_program(std::string_view name);

struct ProgramRun {
  int exit_code = 0;  // 128 + the signal where one ended it
  std::string output, messages;
};

// Runs arguments[0], a path, with `input` as its standard input. Of the environment it gets PATH, HOME and the C locale
// in UTF-8, and no descriptor of ours. It is killed when an interrupt comes (base/interrupt.h) or `limit` is over.
// Errors: it does not start, it took longer, the interrupt.
ProgramRun run_program(std::vector<std::string> arguments, std::string_view input, std::chrono::seconds limit);

}  // namespace qreason
