#include "cli/option_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/options.h"
#include "cli/text_width.h"

namespace qreason {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kLeftColumn = 30;
constexpr std::size_t kCommandColumn = 14;

std::string option_line(const OptionText& option) {
  std::string left = fmt::format("  {}", fmt::join(spellings(option), ", "));
  if (!option.value_name.empty()) left += " " + option.value_name;
  const std::string right = wrap_text(full_help(option), kColumns - kLeftColumn, kLeftColumn);
  if (left.size() + 2 > kLeftColumn) return fmt::format("{}\n{:<{}}{}\n", left, "", kLeftColumn, right);
  return fmt::format("{:<{}}{}\n", left, kLeftColumn, right);
}

std::string option_block(const std::string& title, const std::vector<OptionText>& options) {
  if (options.empty()) return "";
  std::string block = "\n" + title + ":\n";
  for (const OptionText& option : options) block += option_line(option);
  return block;
}

}  // namespace

std::string usage_line(const CommandHelp& help) {
  std::string line = fmt::format("qreason {}", help.command->name());
  for (const OptionText& option : help.own) {
    const bool required = option.need == OptionSet::Need::kRequired;
    const std::string repeat = option.repeats ? "..." : "";
    if (option.is_positional) {
      const std::string shown = option.name + repeat;
      line += required ? " " + shown : " [" + shown + "]";
    } else if (required) {
      line += fmt::format(" {} {}", spellings(option).front(), option.value_name);
    }
  }
  return line + " [options]";
}

std::vector<std::string> spellings(const OptionText& option) {
  const std::size_t comma = option.name.find(',');
  if (comma == std::string::npos) return {option.name};
  return {option.name.substr(0, comma), option.name.substr(comma + 1)};
}

std::string full_help(const OptionText& option) {
  if (option.need == OptionSet::Need::kRequired) return option.help + " (required)";
  if (!option.default_text.empty()) return fmt::format("{} (default: {})", option.help, option.default_text);
  return option.repeats && !option.is_positional ? option.help + " (may be repeated)" : option.help;
}

std::string format_command_help(const CommandHelp& help) {
  std::vector<OptionText> positionals, options;
  for (const OptionText& option : help.own) (option.is_positional ? positionals : options).push_back(option);
  std::string text = fmt::format("{}\n\nUsage: {}\n", wrap_text(help.command->purpose(), kColumns, 0),
                                 wrap_text(usage_line(help), kColumns - 7, 7));
  text += option_block("Arguments", positionals);
  text += option_block("Options", options);
  text += option_block("Common options", help.common);
  text += fmt::format("\nExample:\n  {}\n", help.command->example());
  if (!help.extended.empty()) text += "\n" + help.extended + (help.extended.ends_with('\n') ? "" : "\n");
  return text;
}

std::string help_entry(std::string_view name, std::size_t width, const std::string& explanation) {
  const std::size_t left = 2 + width;
  return fmt::format("  {:<{}}{}\n", name, width, wrap_text(explanation, kColumns - left, left));
}

std::string program_help(const std::vector<std::unique_ptr<Command>>& commands) {
  std::string text =
      "qreason quantizes reasoning language models, runs them in low bits, and shows\nwhat it cost.\n\n"
      "Usage: qreason COMMAND [arguments] [options]\n\nCommands:\n";
  for (const auto& command : commands)
    text += help_entry(command->name(), kCommandColumn - 2, std::string(command->purpose()));
  text +=
      "\n`qreason COMMAND --help` shows a command's options and an example,\n"
      "`qreason --version` the version.\n"
      "Results go to standard output, progress and logs to standard error.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (calibrate,\n"
      "quantize, evaluate and study go on when the same command is given again).\n";
  return text;
}

std::string closest_name(const std::string& typed, const std::vector<std::string>& candidates) {
  std::string closest;
  std::size_t best = std::max<std::size_t>(2, typed.size() / 3) + 1;
  for (const std::string& name : candidates) {
    const std::size_t columns = name.size() + 1;
    std::vector<std::size_t> distance((typed.size() + 1) * columns);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return distance[i * columns + j]; };
    for (std::size_t i = 0; i <= typed.size(); ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        if (i == 0 || j == 0) {
          at(i, j) = i + j;
          continue;
        }
        at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (typed[i - 1] != name[j - 1])});
        const bool swapped = i > 1 && j > 1 && typed[i - 1] == name[j - 2] && typed[i - 2] == name[j - 1];
        if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
      }
    }
    if (at(typed.size(), name.size()) < best) {
      best = at(typed.size(), name.size());
      closest = name;
    }
  }
  return closest;
}

}  // namespace qreason
