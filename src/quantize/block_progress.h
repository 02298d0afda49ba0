// What a block pass keeps while it is at work in one block, so that a killed run goes on inside it: the journal knows
// whole blocks only. One state a run, in its folder; whole or absent, and of no other run, block or pass.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace qreason {

class BlockProgress {
 public:
  // `key` names the run, the block and the pass. With an empty path nothing is kept.
  BlockProgress(std::filesystem::path path, std::string key) : path_(std::move(path)), key_(std::move(key)) {}

  // Durable on return; takes the place of what was kept before.
  void save(std::string_view state) const;
  // What save() was given under this key last; nullopt without one.
  std::optional<std::string> load() const;

 private:
  std::filesystem::path path_;
  std::string key_;
};

inline constexpr const char* kBlockProgress = "progress-block.bin";

}  // namespace qreason
