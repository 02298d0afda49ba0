#include "checkpoint/export/sharded_folder.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace qreason {

ShardedFolder::ShardedFolder(std::filesystem::path folder, const std::vector<std::vector<SafetensorsSlot>>& groups,
                             std::uint64_t shard_bytes)
    : folder_(std::move(folder)) {
  std::uint64_t filled = 0;
  for (const auto& group : groups) {
    std::uint64_t bytes = 0;
    for (const SafetensorsSlot& slot : group) bytes += bytes_of(slot);
    if (shards_.empty() || (filled > 0 && filled + bytes > shard_bytes)) {
      shards_.emplace_back();
      filled = 0;
    }
    filled += bytes;
    total_bytes_ += bytes;
    for (const SafetensorsSlot& slot : group) {
      shards_.back().push_back(slot);
      shard_of_[slot.name] = shards_.size() - 1;
    }
  }
  if (!shards_.empty()) open(0);
}

std::string ShardedFolder::file_name(std::size_t shard) const {
  if (shards_.size() == 1) return "model.safetensors";
  return fmt::format("model-{:05}-of-{:05}.safetensors", shard + 1, shards_.size());
}

void ShardedFolder::open(std::size_t shard) {
  stream_.emplace(folder_ / file_name(shard), shards_[shard]);
  current_ = shard;
}

void ShardedFolder::write(const std::string& tensor, std::span<const std::byte> bytes) {
  const auto found = shard_of_.find(tensor);
  if (found == shard_of_.end()) throw Error(folder_.string(), "tensor " + tensor, "one that was announced");
  if (found->second != current_) {
    stream_->finish();
    open(found->second);
  }
  stream_->write(tensor, bytes);
}

void ShardedFolder::finish() {
  if (stream_) stream_->finish();
  if (shards_.size() < 2) return;
  OrderedJson index{{"metadata", {{"total_size", total_bytes_}}}, {"weight_map", OrderedJson::object()}};
  for (const auto& [name, shard] : shard_of_) index["weight_map"][name] = file_name(shard);
  write_file_atomic(folder_ / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace qreason
