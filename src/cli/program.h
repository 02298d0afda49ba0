// The program around the commands: finds the command, parses its options, runs it, and turns failures into one line on
// stderr and an exit code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qreason {

enum ExitCode : int { kExitDone = 0, kExitFailed = 1, kExitUsage = 2, kExitInterrupted = 130 };

std::string_view program_version();

// `arguments` without the program's name. Never throws.
int run_program(const std::vector<std::string>& arguments);

}  // namespace qreason
