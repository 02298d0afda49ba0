#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "base/error.h"
#include "cli/option_text.h"

namespace qreason {
namespace {

std::int64_t parse_integer(const std::string& name, const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    throw Error::usage(name, fmt::format("\"{}\"", text), "an integer");
  }
  return number;
}

double parse_number(const std::string& name, const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
    throw Error::usage(name, fmt::format("\"{}\"", text), "a number");
  }
  return number;
}

std::vector<std::string> split_list(const std::string& name, const std::vector<std::string>& given) {
  std::vector<std::string> items;
  for (const std::string& text : given) {
    std::size_t begin = 0;
    while (begin <= text.size()) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      if (end == begin) throw Error::usage(name, fmt::format("\"{}\" with an empty item", text), "a,b,c");
      items.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return items;
}

// Everything is a string to CLI11: it only takes the command line apart. Values are converted here, so that every
// mistake is told in the project's own words.
class CliOptions : public OptionSet {
 public:
  CliOptions() {
    app_.allow_extras();
    app_.set_help_flag("-h,--help");
  }

  void positional(const std::string& name, std::string& target, const std::string& help, Need need) override {
    add({.name = name, .value_name = "", .help = help, .need = need, .is_positional = true}, kOnce,
        [&target](const Given& given) { target = given.front(); });
  }
  void positionals(const std::string& name, std::vector<std::string>& target, const std::string& help,
                   Need need) override {
    add({.name = name, .value_name = "", .help = help, .need = need, .is_positional = true, .repeats = true}, kMany,
        [&target](const Given& given) { target = given; });
  }
  void value(const std::string& name, std::string& target, const std::string& help, Need need) override {
    add({.name = name, .value_name = "TEXT", .help = help, .default_text = target, .need = need}, kOnce,
        [&target](const Given& given) { target = given.front(); });
  }
  void value(const std::string& name, std::int64_t& target, const std::string& help) override {
    add({.name = name, .value_name = "N", .help = help, .default_text = fmt::format("{}", target)}, kOnce,
        [&target, name](const Given& given) { target = parse_integer(name, given.front()); });
  }
  void value(const std::string& name, double& target, const std::string& help) override {
    add({.name = name, .value_name = "X", .help = help, .default_text = fmt::format("{}", target)}, kOnce,
        [&target, name](const Given& given) { target = parse_number(name, given.front()); });
  }
  void value(const std::string& name, std::optional<std::string>& target, const std::string& help) override {
    add({.name = name, .value_name = "TEXT", .help = help, .default_text = target.value_or("")}, kOnce,
        [&target](const Given& given) { target = given.front(); });
  }
  void value(const std::string& name, std::optional<std::int64_t>& target, const std::string& help) override {
    add({.name = name, .value_name = "N", .help = help, .default_text = target ? fmt::format("{}", *target) : ""},
        kOnce, [&target, name](const Given& given) { target = parse_integer(name, given.front()); });
  }
  void value(const std::string& name, std::optional<double>& target, const std::string& help) override {
    add({.name = name, .value_name = "X", .help = help, .default_text = target ? fmt::format("{}", *target) : ""},
        kOnce, [&target, name](const Given& given) { target = parse_number(name, given.front()); });
  }
  void repeated(const std::string& name, std::vector<std::string>& target, const std::string& help) override {
    add({.name = name, .value_name = "TEXT", .help = help, .repeats = true}, kMany,
        [&target](const Given& given) { target = given; });
  }
  void several(const std::string& name, std::vector<std::string>& target, const std::string& help) override {
    add({.name = name, .value_name = "TEXT...", .help = help, .repeats = true}, kMany,
        [&target](const Given& given) { target = given; });
    entries_.back().option->allow_extra_args(true);
  }
  void list(const std::string& name, std::vector<std::string>& target, const std::string& help) override {
    add({.name = name,
         .value_name = "A,B,...",
         .help = help,
         .default_text = fmt::format("{}", fmt::join(target, ","))},
        kMany, [&target, name](const Given& given) { target = split_list(name, given); });
  }
  void choice(const std::string& name, std::string& target, const std::vector<std::string>& choices,
              const std::string& help) override {
    add({.name = name, .value_name = fmt::format("{}", fmt::join(choices, "|")), .help = help, .default_text = target},
        kOnce, [&target, name, choices](const Given& given) {
          if (std::find(choices.begin(), choices.end(), given.front()) == choices.end()) {
            throw Error::usage(name, fmt::format("\"{}\"", given.front()),
                               fmt::format("one of {}", fmt::join(choices, ", ")));
          }
          target = given.front();
        });
  }
  void flag(const std::string& name, bool& target, const std::string& help) override {
    entries_.push_back({.text = {.name = name, .value_name = "", .help = help, .is_flag = true},
                        .option = app_.add_flag(name),
                        .count = kMany,
                        .assign = [&target](const Given&) { target = true; }});
  }

  ParseOutcome parse(std::vector<std::string> arguments, const std::string& command) {
    split_values(arguments);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    try {
      app_.parse(arguments);
    } catch (const CLI::CallForHelp&) {
      return ParseOutcome::kHelp;
    } catch (const CLI::ArgumentMismatch& failure) {
      const std::string message = failure.what();
      throw Error::usage(message.substr(0, message.find(": ")), "no value",
                         fmt::format("one; see `qreason {} --help`", command));
    } catch (const CLI::ParseError& failure) {
      throw Error::usage("qreason " + command, failure.what(), fmt::format("as `qreason {} --help` shows", command));
    }
    refuse_unknown(command);
    for (const Entry& entry : entries_) take(entry, command);
    return ParseOutcome::kRun;
  }

  std::set<std::string, std::less<>> given() const {
    std::set<std::string, std::less<>> names;
    for (const Entry& entry : entries_)
      if (!entry.text.is_positional && !entry.option->results().empty()) names.insert(spellings(entry.text).back());
    return names;
  }

  std::vector<OptionText> texts() const {
    std::vector<OptionText> texts;
    for (const Entry& entry : entries_) texts.push_back(entry.text);
    return texts;
  }

 private:
  using Given = std::vector<std::string>;
  enum Count { kOnce, kMany };
  struct Entry {
    OptionText text;
    CLI::Option* option;
    Count count;
    std::function<void(const Given&)> assign;
  };

  void add(OptionText text, Count count, std::function<void(const Given&)> assign) {
    CLI::Option* option = app_.add_option(text.name);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    option->allow_extra_args(text.is_positional && count == kMany);
    entries_.push_back({.text = std::move(text), .option = option, .count = count, .assign = std::move(assign)});
  }

  // "--name=" followed by anything would take the next argument as its value in CLI11, a flag would take any value, and
  // "-o=DIR" would be the value "=DIR".
  void split_values(std::vector<std::string>& arguments) const {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
      const std::size_t equals = arguments[i].find('=');
      if (!arguments[i].starts_with("-") || equals == std::string::npos) continue;
      const std::string name = arguments[i].substr(0, equals);
      const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& candidate) {
        if (candidate.text.is_positional) return false;
        return name.starts_with("--") ? candidate.option->check_lname(name.substr(2))
                                      : name.size() == 2 && candidate.option->check_sname(name.substr(1));
      });
      if (entry == entries_.end()) continue;
      if (entry->text.is_flag) throw Error::usage(arguments[i], "a flag with a value", name + " alone");
      arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments[i].substr(equals + 1));
      arguments[i++] = name;
    }
  }

  void refuse_unknown(const std::string& command) const {
    std::vector<std::string> unknown = app_.remaining();
    std::erase(unknown, "--");
    if (unknown.empty()) return;
    const std::string& first = unknown.front();
    if (!first.starts_with("-")) {
      throw Error::usage(first, "an argument too many", fmt::format("as `qreason {} --help` shows", command));
    }
    std::vector<std::string> names;
    for (const Entry& entry : entries_) {
      if (!entry.text.is_positional) names.push_back(spellings(entry.text).back());
    }
    const std::string typed = first.substr(0, first.find('='));
    const std::string close = closest_name(typed, names);
    throw Error::usage(typed, "no such option",
                       close.empty() ? fmt::format("one that `qreason {} --help` lists", command)
                                     : fmt::format("{} perhaps; `qreason {} --help` lists all", close, command));
  }

  static void take(const Entry& entry, const std::string& command) {
    const Given& given = entry.option->results();
    if (given.empty()) {
      if (entry.text.need == OptionSet::Need::kOptional) return;
      throw Error::usage(entry.text.name, "not given", fmt::format("a value; see `qreason {} --help`", command));
    }
    if (entry.count == kOnce && given.size() > 1) {
      throw Error::usage(entry.text.name, fmt::format("given {} times", given.size()), "once");
    }
    entry.assign(given);
  }

  CLI::App app_;
  std::vector<Entry> entries_;
};

void declare_common(OptionSet& options, CommonOptions& common) {
  options.value("--device", common.device, "Where to compute: cpu, cuda[:N] or npu[:N]", OptionSet::Need::kOptional);
  options.value("--threads", common.threads, "Threads; 0: all cores");
  options.choice("--dtype", common.dtype, {"auto", "float32", "bfloat16"}, "Type of float weights");
  options.flag("--json", common.json, "Print one JSON object on standard output and nothing else");
  options.flag("--quiet", common.quiet, "No progress and no log on standard error");
  options.flag("--verbose", common.verbose, "More of both");
  options.flag("--force", common.force, "Replace an existing file, or a folder that qreason made");
  options.flag("--wide", common.wide, "Print tables in full, also where the terminal is narrower");
}

}  // namespace

ParseOutcome parse_arguments(Command& command, CommonOptions& common, const std::vector<std::string>& arguments) {
  CliOptions options;
  command.declare(options);
  declare_common(options, common);
  const ParseOutcome outcome = options.parse(arguments, std::string(command.name()));
  common.given = options.given();
  return outcome;
}

CommandHelp option_texts(Command& command) {
  CliOptions own, shared;
  CommonOptions defaults;
  command.declare(own);
  declare_common(shared, defaults);
  return {.command = &command, .own = own.texts(), .common = shared.texts(), .extended = {}};
}

std::string command_help(Command& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> rest;
  std::copy_if(arguments.begin(), arguments.end(), std::back_inserter(rest),
               [](const std::string& argument) { return argument != "-h" && argument != "--help"; });
  CommandHelp help = option_texts(command);
  if (!rest.empty()) help.extended = command.extended_help(rest);
  return format_command_help(help);
}

}  // namespace qreason
