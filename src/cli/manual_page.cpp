#include "cli/manual_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>

#include "cli/program.h"

namespace qreason {
namespace {

struct Variable {
  std::string_view name, meaning;
};
constexpr std::array kVariables{
    Variable{"QREASON_STORE", "where models and data of the user are kept; else ~/.cache/qreason"},
    Variable{"QREASON_DATA", "a folder where data sets are looked for first"},
    Variable{"QREASON_ISA", "the instruction set of the kernels: generic, avx2 or avx512; else the machine's best"},
    Variable{"HF_ENDPOINT", "the hub that pull asks; else https://huggingface.co"},
    Variable{"HF_TOKEN", "what pull shows the hub for models behind an agreement"},
    Variable{"OPENAI_API_KEY", "what evaluate --endpoint shows a server, unless --endpoint-key-variable names another"},
};

// A minus that is no hyphen, backslashes as such, and no line that looks like a request.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  const bool request = result.starts_with('.') || result.starts_with('\'');
  return request ? "\\&" + result : result;
}

std::string option_entry(const OptionText& option) {
  const std::string name = fmt::format("{}", fmt::join(spellings(option), ", "));
  const std::string value = option.value_name.empty() ? "" : fmt::format(" \\fI{}\\fR", escaped(option.value_name));
  return fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped(name), value, escaped(full_help(option)));
}

}  // namespace

std::string manual_page(std::span<const CommandHelp> commands) {
  std::string page = fmt::format(
      ".TH QREASON 1 \"\" \"qreason {}\" \"User Commands\"\n"
      ".SH NAME\nqreason \\- quantizes reasoning language models, runs them in low bits, and shows what it cost\n"
      ".SH SYNOPSIS\n\\fBqreason\\fR \\fICOMMAND\\fR [arguments] [options]\n.SH COMMANDS\n",
      escaped(program_version()));
  for (const CommandHelp& help : commands) {
    page += fmt::format(".SS {}\n{}\n.PP\n\\fB{}\\fR\n", escaped(help.command->name()),
                        escaped(help.command->purpose()), escaped(usage_line(help)));
    for (const OptionText& option : help.own) page += option_entry(option);
    page += fmt::format(".PP\nExample:\n.PP\n.RS\n{}\n.RE\n", escaped(help.command->example()));
  }
  page += ".SH OPTIONS OF ALL COMMANDS\n";
  for (const OptionText& option : commands.front().common) page += option_entry(option);
  page += ".SH ENVIRONMENT\n";
  for (const Variable& variable : kVariables) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(variable.name), escaped(variable.meaning));
  }
  return page +
         ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 130 interrupted. Results go to standard output, progress "
         "and "
         "logs to standard error.\n";
}

}  // namespace qreason
