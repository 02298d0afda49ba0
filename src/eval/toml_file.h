// What the TOML files of users have in common, whatever they say: they parse, and have no keys but the known ones.
#pragma once

#include <toml++/toml.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

namespace qreason {

// An Error naming file and line where it is no TOML.
toml::table parse_toml(std::string_view text, const std::filesystem::path& file);

class TomlFile {
 public:
  explicit TomlFile(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  // Throws an Error at the line of the node, where it has one.
  [[noreturn]] void fail(const toml::node& at, const std::string& got, const std::string& expected) const;
  // Fails at a key that is not known.
  void only(const toml::table& table, const std::set<std::string>& known) const;

 private:
  std::filesystem::path file_;
};

}  // namespace qreason
