#include "checkpoint/safetensors_folder.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/shown_name.h"
#include "checkpoint/readers.h"
#include "checkpoint/tensor_bytes.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::uint64_t kMaxIndex = 256 << 20;

bool is_plain_shard_name(const std::string& name) {
  if (!name.ends_with(".safetensors") || name.front() == '.') return false;
  return name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
}

}  // namespace

SafetensorsFolder::SafetensorsFolder(const fs::path& folder) : folder_(folder) {
  if (is_present(folder / kSingle)) {
    shards_.emplace_back(folder / kSingle);
    for (const auto& [name, entry] : shards_.front().entries()) shard_of_[name] = 0;
    return;
  }
  if (!is_present(folder / kIndex)) {
    throw Error(folder.string(), "no weights", fmt::format("{} or {} in it", kSingle, kIndex));
  }
  open_index(folder / kIndex);
}

void SafetensorsFolder::open_index(const fs::path& index) {
  const std::string where = index.string();
  const Json json = parse_json(read_text_file(index, kMaxIndex), where);
  const Json& weight_map = json_member(json, "weight_map", where);
  if (!weight_map.is_object()) throw Error(where, "a weight_map that is no object", "tensor names to file names");
  std::map<std::string, std::size_t> shard_numbers;
  for (const auto& [tensor, file] : weight_map.items()) {
    if (!file.is_string()) throw Error(where, fmt::format("no file name for {}", shown_name(tensor)), "a string");
    const auto name = file.get<std::string>();
    if (!is_plain_shard_name(name)) {
      throw Error(where, fmt::format("the file name {} for {}", shown_name(name), shown_name(tensor)),
                  "a .safetensors file in the same folder");
    }
    const auto [found, fresh] = shard_numbers.emplace(name, shards_.size());
    if (fresh) shards_.emplace_back(folder_ / name);
    if (!shards_[found->second].contains(tensor)) {
      throw Error(where, fmt::format("tensor {} is not in {}", shown_name(tensor), shown_name(name)),
                  "every tensor in the file the index names");
    }
    shard_of_[tensor] = found->second;
  }
  for (std::size_t number = 0; number < shards_.size(); ++number) {
    for (const auto& [tensor, entry] : shards_[number].entries()) {
      const auto found = shard_of_.find(tensor);
      if (found != shard_of_.end() && found->second == number) continue;
      throw Error(shards_[number].path().string(),
                  fmt::format("tensor {} is {}", shown_name(tensor),
                              found == shard_of_.end() ? "not in the index" : "in another shard, too"),
                  "each tensor once, where the index says");
    }
  }
}

std::vector<std::string> SafetensorsFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, shard] : shard_of_) names.push_back(name);
  return names;
}

const SafetensorsFile& SafetensorsFolder::file_of(const std::string& name) const {
  const auto found = shard_of_.find(name);
  if (found == shard_of_.end()) {
    throw Error(shards_.size() == 1 ? shards_.front().path().string() : folder_.string(),
                fmt::format("no tensor {}", shown_name(name)), "that tensor (the model's config asks for it)");
  }
  return shards_[found->second];
}

void SafetensorsFolder::require_dense(const std::string& name, const std::vector<std::int64_t>& shape) const {
  require_float_tensor(file_of(name), name, shape);
}

at::Tensor SafetensorsFolder::dense(const std::string& name, const std::vector<std::int64_t>& shape) const {
  const SafetensorsFile& file = file_of(name);
  require_float_tensor(file, name, shape);
  return mapped_tensor(file, name);
}

std::vector<TensorSummary> SafetensorsFolder::summaries() const {
  std::vector<TensorSummary> summaries;
  for (const auto& [name, shard] : shard_of_) {
    const SafetensorsEntry& found = shards_[shard].entry(name);
    summaries.push_back(
        {.name = name, .type = std::string(name_of(found.type)), .shape = found.shape, .bytes = found.size});
  }
  return summaries;
}

std::string SafetensorsFolder::content_hash() const {
  Sha256 hash;
  for (const TensorSummary& summary : summaries())
    hash_tensor(hash, summary, file_of(summary.name).bytes(summary.name).bytes());
  return hash.finish_hex();
}

}  // namespace qreason
