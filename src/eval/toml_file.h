// What the TOML files of users have in common, whatever they say: they parse, and have no keys but the known ones.
#pragma once

#include <toml++/toml.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"

namespace qreason {

// An Error naming file and line where it is no TOML.
toml::table parse_toml(std::string_view text, const std::filesystem::path& file);

// `error` told at `place`, where an option that it names is the key of a file: "--top-k" is top_k, "--endpoint-api" api
// and "--endpoint" url.
Error error_at(const std::string& place, const Error& error);

class TomlFile {
 public:
  explicit TomlFile(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& file() const { return file_; }
  // Throws an Error at the line of the node, where it has one.
  [[noreturn]] void fail(const toml::node& at, const std::string& got, const std::string& expected) const;
  // "KEY VALUE", as `got` of a message.
  static std::string written(const std::string& key, const toml::node& value);
  // "FILE, line N" of the node.
  std::string place(const toml::node& at) const;
  // Fails at a key that is not known.
  void only(const toml::table& table, const std::set<std::string>& known) const;

 private:
  std::filesystem::path file_;
};

}  // namespace qreason
