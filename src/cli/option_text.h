// How --help writes options down.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace qreason {

struct OptionText {
  std::string name;        // as declared: "MODEL", "--seed", "-o,--output"
  std::string value_name;  // "N", "TEXT", "a|b"; empty for flags and positionals
  std::string help;
  std::string default_text;  // empty: none
  OptionSet::Need need = OptionSet::Need::kOptional;
  bool is_positional = false;
  bool is_flag = false;
  bool repeats = false;
};

struct CommandHelp {
  const Command* command;
  std::vector<OptionText> own;
  std::vector<OptionText> common;
  std::string extended;
};
std::string format_command_help(const CommandHelp& help);
// "qreason quantize MODEL METHOD -o TEXT [options]"
std::string usage_line(const CommandHelp& help);
// "-o,--output": both, the short one first.
std::vector<std::string> spellings(const OptionText& option);
// "Samples (default: 128)": help, and whether the option must be, or what it is where it is not given.
std::string full_help(const OptionText& option);

}  // namespace qreason
