// The tables of a study file as they are read: every access is typed, and errors name its line.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/memory.h"
#include "eval/toml_file.h"

namespace qreason {

// Targets keep what they hold where a key is absent.
class StudyReader : public TomlFile {
 public:
  using TomlFile::TomlFile;

  void text(const toml::table& table, const char* key, std::string& target) const {
    if (const toml::node* node = table.get(key)) {
      if (!node->is_string()) fail(*node, written(key, *node), "a text");
      target = node->as_string()->get();
      if (target.empty()) fail(*node, fmt::format("an empty {}", key), "a text");
    }
  }

  void integer(const toml::table& table, const char* key, std::int64_t low, std::int64_t& target) const {
    if (const toml::node* node = table.get(key)) target = integer_of(*node, key, low);
  }
  void integer(const toml::table& table, const char* key, std::int64_t low, std::optional<std::int64_t>& target) const {
    if (const toml::node* node = table.get(key)) target = integer_of(*node, key, low);
  }

  void number(const toml::table& table, const char* key, double& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const auto value = node->value<double>();
    if (!value) fail(*node, written(key, *node), "a number");
    target = *value;
  }

  template <class Names>
  void choice(const toml::table& table, const char* key, const Names& names, std::string& target) const {
    text(table, key, target);
    if (std::find(names.begin(), names.end(), target) == names.end())
      fail(*table.get(key), fmt::format("{} {}", key, target), fmt::format("{}", fmt::join(names, ", ")));
  }

  // A whole number of bytes, or a text such as "2GiB".
  void bytes(const toml::table& table, const char* key, std::optional<std::uint64_t>& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    const std::string written = node->is_string()    ? node->as_string()->get()
                                : node->is_integer() ? std::to_string(node->as_integer()->get())
                                                     : "";
    target = parse_bytes(written);
    if (!target) fail(*node, fmt::format("{} {}", key, written), "a size, as in \"2GiB\" or 2147483648");
  }

  void texts(const toml::table& table, const char* key, std::vector<std::string>& target) const {
    each(
        table, key,
        [&](const toml::node& node) {
          if (!node.is_string()) fail(node, written(key, node), "a list of texts");
          const std::string value = node.as_string()->get();
          if (std::find(target.begin(), target.end(), value) != target.end()) fail(node, value + " twice", "each once");
          target.push_back(value);
        },
        target);
  }

  void seeds(const toml::table& table, const char* key, std::vector<std::uint64_t>& target) const {
    each(
        table, key,
        [&](const toml::node& node) {
          const auto value = static_cast<std::uint64_t>(integer_of(node, key, 0));
          if (std::find(target.begin(), target.end(), value) != target.end())
            fail(node, fmt::format("seed {} twice", value), "each once");
          target.push_back(value);
        },
        target);
  }

  const toml::table* table(const toml::table& parent, const char* key) const {
    const toml::node* node = parent.get(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) fail(*node, written(key, *node), fmt::format("a table [{}]", key));
    return node->as_table();
  }

  // A path as written when it exists, else beside the study file when it exists there, else as written (a name).
  std::string beside(const std::string& path) const {
    const std::filesystem::path candidate = file().parent_path() / path;
    return !std::filesystem::exists(path) && std::filesystem::exists(candidate) ? candidate.string() : path;
  }

 private:
  std::int64_t integer_of(const toml::node& node, const char* key, std::int64_t low) const {
    if (!node.is_integer() || node.as_integer()->get() < low)
      fail(node, written(key, node), fmt::format("a whole number from {}", low));
    return node.as_integer()->get();
  }

  template <class Take, class T>
  void each(const toml::table& table, const char* key, Take take, std::vector<T>& target) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return;
    if (!node->is_array() || node->as_array()->empty()) fail(*node, written(key, *node), "a list that is not empty");
    target.clear();
    for (const toml::node& element : *node->as_array()) take(element);
  }
};

}  // namespace qreason
