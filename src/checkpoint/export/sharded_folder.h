// The safetensors files of an exported folder: one, or shards with an index, each written tensor by tensor.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/safetensors_stream.h"

namespace qreason {

class ShardedFolder {
 public:
  // Groups of tensors (a linear's) come in the order in which they will be written, and are not cut. A shard holds
  // `shard_bytes`, or one group that is larger.
  ShardedFolder(std::filesystem::path folder, const std::vector<std::vector<SafetensorsSlot>>& groups,
                std::uint64_t shard_bytes);

  // The next bytes of a tensor; groups in order, the tensors of one in any.
  void write(const std::string& tensor, std::span<const std::byte> bytes);
  // Closes the last file, and writes model.safetensors.index.json where there are several.
  void finish();

 private:
  void open(std::size_t shard);
  std::string file_name(std::size_t shard) const;

  std::filesystem::path folder_;
  std::vector<std::vector<SafetensorsSlot>> shards_;
  std::map<std::string, std::size_t> shard_of_;
  std::uint64_t total_bytes_ = 0;
  std::size_t current_ = 0;
  std::optional<SafetensorsStream> stream_;
};

}  // namespace qreason
