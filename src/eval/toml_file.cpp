#include "eval/toml_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

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

Error error_at(const std::string& place, const Error& error) {
  constexpr std::string_view kServers = "--endpoint-";
  const std::string& option = error.where();
  if (!option.starts_with("--") || error.kind() == ErrorKind::kInterrupted) return Error::inside(place, error);
  std::string key = option == "--endpoint" ? "url" : option.substr(option.starts_with(kServers) ? kServers.size() : 2);
  std::replace(key.begin(), key.end(), '-', '_');
  const std::string said = error.what();
  return Error(fmt::format("{}: {}", place, key), said.substr(std::min(said.size(), option.size() + 2)), "",
               error.kind());
}

std::string TomlFile::written(const std::string& key, const toml::node& value) {
  constexpr std::size_t kLongest = 80;
  std::ostringstream text;
  text << toml::node_view<const toml::node>(value);
  return fmt::format("{} {}{}", key, text.str().substr(0, kLongest), text.str().size() > kLongest ? "..." : "");
}

void TomlFile::fail(const toml::node& at, const std::string& got, const std::string& expected) const {
  throw Error(place(at), got, expected);
}

std::string TomlFile::place(const toml::node& at) const {
  const auto line = at.source().begin.line;
  return line > 0 ? fmt::format("{}, line {}", file_.string(), line) : file_.string();
}

void TomlFile::only(const toml::table& table, const std::set<std::string>& known) const {
  for (const auto& [key, value] : table)
    if (!known.contains(std::string(key.str())))
      fail(value, fmt::format("the key \"{}\"", std::string(key.str())),
           fmt::format("one of {}", fmt::join(known, ", ")));
}

}  // namespace qreason
