// The tensors of a Hugging Face directory: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"

namespace qreason {

class SafetensorsFolder {
 public:
  // As transformers: model.safetensors if it is there, else the index. Shard names come from the index alone and may
  // not leave the folder; a tensor that is not in its shard, or in two shards, is an Error.
  explicit SafetensorsFolder(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return folder_; }
  std::vector<std::string> names() const;
  bool contains(const std::string& name) const { return shard_of_.contains(name); }
  // Errors name file and tensor.
  const SafetensorsFile& file_of(const std::string& name) const;
  const SafetensorsEntry& entry(const std::string& name) const { return file_of(name).entry(name); }

  // A float32, bfloat16 or float16 tensor of just that shape. It points into the read-only map where the file's
  // alignment allows (writing into it is a fault: clone first) and keeps the map alive.
  at::Tensor dense(const std::string& name, const std::vector<std::int64_t>& shape) const;
  // The type and shape checks of `dense` alone.
  void require_dense(const std::string& name, const std::vector<std::int64_t>& shape) const;

  std::vector<TensorSummary> summaries() const;
  std::string content_hash() const;

 private:
  void open_index(const std::filesystem::path& index);

  std::filesystem::path folder_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, std::size_t> shard_of_;
};

}  // namespace qreason
