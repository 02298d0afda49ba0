#include "eval/toml_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace qreason {

toml::table parse_toml(std::string_view text, const std::filesystem::path& file) {
  try {
    return toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}, line {}", file.string(), error.source().begin.line), std::string(error.description()),
                "valid TOML");
  }
}

void TomlFile::fail(const toml::node& at, const std::string& got, const std::string& expected) const {
  const auto line = at.source().begin.line;
  throw Error(line > 0 ? fmt::format("{}, line {}", file_.string(), line) : file_.string(), got, expected);
}

void TomlFile::only(const toml::table& table, const std::set<std::string>& known) const {
  for (const auto& [key, value] : table)
    if (!known.contains(std::string(key.str())))
      fail(value, fmt::format("the key \"{}\"", std::string(key.str())),
           fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace qreason
