#include "cli/shell_completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "cli/model_zoo.h"

namespace qreason {
namespace {

std::vector<OptionText> options_of(const CommandHelp& help) {
  std::vector<OptionText> options;
  for (const auto* list : {&help.own, &help.common}) {
    std::copy_if(list->begin(), list->end(), std::back_inserter(options),
                 [](const OptionText& option) { return !option.is_positional; });
  }
  return options;
}

bool takes_model(const CommandHelp& help) {
  return std::any_of(help.own.begin(), help.own.end(), [](const OptionText& option) {
    return option.is_positional && option.name.find("MODEL") != std::string::npos;
  });
}

// "a|b" of an option that chooses; nothing for a number or a text.
std::vector<std::string> choices_of(const OptionText& option) {
  std::vector<std::string> choices;
  if (option.value_name.find('|') == std::string::npos) return choices;
  for (std::size_t begin = 0; begin <= option.value_name.size();) {
    const std::size_t end = std::min(option.value_name.find('|', begin), option.value_name.size());
    choices.push_back(option.value_name.substr(begin, end - begin));
    begin = end + 1;
  }
  return choices;
}

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names;
  for (const ZooModel& model : model_zoo()) names.push_back(model.name);
  return names;
}

// In single quotes of a shell.
std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

void add_choices(const CommandHelp& help, std::string& script) {
  for (const OptionText& option : options_of(help)) {
    const std::vector<std::string> choices = choices_of(option);
    if (choices.empty()) continue;
    for (const std::string& name : spellings(option)) {
      script += fmt::format("    {},{}) words='{}' ;;\n", help.command->name(), name, fmt::join(choices, " "));
    }
  }
}

void add_options(const CommandHelp& help, std::string& script) {
  std::vector<std::string> names{"--help"};
  for (const OptionText& option : options_of(help)) {
    for (std::string& name : spellings(option)) names.push_back(std::move(name));
  }
  script += fmt::format("      {}) words='{}' ;;\n", help.command->name(), fmt::join(names, " "));
}

}  // namespace

std::string bash_completion(std::span<const CommandHelp> commands) {
  std::vector<std::string_view> names;
  std::vector<std::string_view> with_model;
  for (const CommandHelp& help : commands) {
    names.push_back(help.command->name());
    if (takes_model(help)) with_model.push_back(help.command->name());
  }
  std::string script = fmt::format(
      "_qreason() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} words=\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{} --help --version' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}},$previous in\n",
      fmt::join(names, " "));
  for (const CommandHelp& help : commands) add_choices(help, script);
  script += "  esac\n  if [ -z \"$words\" ] && [[ $current == -* ]]; then\n    case ${COMP_WORDS[1]} in\n";
  for (const CommandHelp& help : commands) add_options(help, script);
  script += fmt::format(
      "    esac\n"
      "  fi\n"
      "  if [ -n \"$words\" ]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n"
      "    {}) words='{}' ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\"))\n"
      "}}\n"
      "complete -o filenames -F _qreason qreason\n",
      fmt::join(with_model, "|"), fmt::join(model_names(), " "));
  return script;
}

std::string zsh_completion(std::span<const CommandHelp> commands) {
  return "#compdef qreason\nautoload -U +X bashcompinit && bashcompinit\n" + bash_completion(commands);
}

std::string fish_completion(std::span<const CommandHelp> commands) {
  std::string script;
  for (const CommandHelp& help : commands) {
    const std::string name(help.command->name());
    script += fmt::format("complete -c qreason -f -n __fish_use_subcommand -a {} -d {}\n", name,
                          in_quotes(help.command->purpose()));
    const std::string condition = in_quotes("__fish_seen_subcommand_from " + name);
    if (takes_model(help)) {
      script += fmt::format("complete -c qreason -n {} -a '{}'\n", condition, fmt::join(model_names(), " "));
    }
    for (const OptionText& option : options_of(help)) {
      script += fmt::format("complete -c qreason -n {}", condition);
      for (const std::string& spelled : spellings(option)) {
        script += spelled.starts_with("--") ? " -l " + spelled.substr(2) : " -s " + spelled.substr(1);
      }
      const std::vector<std::string> choices = choices_of(option);
      if (!choices.empty()) script += fmt::format(" -x -a '{}'", fmt::join(choices, " "));
      if (choices.empty() && !option.is_flag) script += " -r";
      script += fmt::format(" -d {}\n", in_quotes(option.help));
    }
  }
  return script;
}

}  // namespace qreason
