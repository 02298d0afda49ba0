// Command lines: which options a command has, and what the user gave.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "cli/option_text.h"

namespace qreason {

enum class ParseOutcome { kRun, kHelp };

// Fills the targets of `command` and `common` from the arguments after the command's name. Every mistake is a usage
// Error.
ParseOutcome parse_arguments(Command& command, CommonOptions& common, const std::vector<std::string>& arguments);

// A command's own options and those that all have, as --help writes them down.
CommandHelp option_texts(Command& command);

// What `qreason NAME --help` prints: purpose, usage, options with defaults, example.
std::string command_help(Command& command, const std::vector<std::string>& arguments);

// A line of such a text, broken where it would be wider than 80 columns: "  name   explanation", the names `width`
// wide.
std::string help_entry(std::string_view name, std::size_t width, const std::string& explanation);

// What `qreason --help` prints.
std::string program_help(const std::vector<std::unique_ptr<Command>>& commands);

// The candidate that `typed` most likely means, or "" when none is close (Damerau-Levenshtein distance).
std::string closest_name(const std::string& typed, const std::vector<std::string>& candidates);

}  // namespace qreason
