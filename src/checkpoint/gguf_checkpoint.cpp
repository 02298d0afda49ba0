// GGUF files as models: names mapped, llama's interleaved query and key rows put back, quantized blocks decoded
// exactly.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <cstring>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/shown_name.h"
#include "checkpoint/gguf_config.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/readers.h"
#include "checkpoint/tensor_bytes.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

at::ScalarType decoded_type(GgmlType type) {
  if (type == GgmlType::kF16) return at::kHalf;
  if (type == GgmlType::kBF16) return at::kBFloat16;
  return at::kFloat;
}

class GgufCheckpoint : public Checkpoint {
 public:
  GgufCheckpoint(const fs::path& path, ThreadPool* pool)
      : file_(path),
        pool_(pool),
        config_(gguf_model_config(file_)),
        plan_(uniform_plan(config_.layers)),
        defaults_(gguf_generation_defaults(file_)) {
    check_generation_defaults(defaults_, path.string() + " metadata general.sampling");
    check_tensors();
  }

  std::string format() const override { return "gguf"; }
  fs::path path() const override { return file_.path(); }
  GenerationDefaults generation_defaults() const override { return defaults_; }
  const GgufFile* gguf() const override { return &file_; }
  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return plan_; }

  std::vector<TensorSummary> tensors() const override {
    std::vector<TensorSummary> summaries;
    for (const auto& [name, tensor] : file_.tensors()) {
      summaries.push_back({.name = name,
                           .type = std::string(name_of(tensor.type)),
                           .shape = tensor.shape,
                           .bytes = tensor.bytes.size()});
    }
    return summaries;
  }

  std::string content_hash() const override {
    Sha256 hash;
    for (const TensorSummary& summary : tensors()) {
      const std::span<const std::byte> bytes = file_.tensor(summary.name).bytes;
      hash_tensor(hash, summary, bytes);
      file_.map().release(bytes);
    }
    return hash.finish_hex();
  }

  LinearWeight linear(const std::string& name) const override {
    const LinearPlace place = place_of_linear(config_, name, path().string());
    if (name == kHeadName && config_.tied_embeddings) return {.matrix = tensor(kEmbeddingName)};
    const std::string stored = gguf_linear_name(place);
    const Rows rows = has_interleaved_rows(config_, place) ? Rows::kInterleaved : Rows::kAsStored;
    LinearWeight weight{.matrix = decoded(stored + ".weight", {place.rows, place.columns}, rows)};
    if (place.has_bias) weight.bias = decoded(stored + ".bias", {place.rows}, rows).to(at::kFloat);
    return weight;
  }

  at::Tensor tensor(const std::string& name) const override {
    const auto shape = shape_of_tensor(config_, name, path().string());
    return decoded(gguf_tensor_name(name), shape, Rows::kAsStored);
  }

 private:
  enum class Rows { kAsStored, kInterleaved };

  const GgufTensor& checked(const std::string& stored, const std::vector<std::int64_t>& shape) const {
    const GgufTensor& tensor = file_.tensor(stored);
    if (tensor.shape != shape) {
      throw Error(fmt::format("{} tensor {}", path().string(), stored),
                  fmt::format("shape [{}]", fmt::join(tensor.shape, ", ")),
                  fmt::format("[{}]", fmt::join(shape, ", ")));
    }
    return tensor;
  }

  at::Tensor decoded(const std::string& stored, const std::vector<std::int64_t>& shape, Rows rows) const {
    const GgufTensor& tensor = checked(stored, shape);
    const at::ScalarType type = decoded_type(tensor.type);
    const bool is_float = block_of(tensor.type).elements == 1;
    // A bias is a column: its rows have one element.
    const std::int64_t row_count = shape[0];
    if (is_float && rows == Rows::kAsStored) return mapped(tensor, shape, type);
    at::Tensor values = at::empty(shape, type);
    if (rows == Rows::kAsStored) {
      dequantize_ggml(tensor.type, tensor.bytes, {values.data_ptr<float>(), static_cast<std::size_t>(values.numel())},
                      pool_);
      file_.map().release(tensor.bytes);
      return values;
    }
    const std::size_t row_bytes = tensor.bytes.size() / static_cast<std::size_t>(row_count);
    const std::size_t row_values = static_cast<std::size_t>(values.numel() / row_count);
    auto* target = static_cast<std::byte*>(values.data_ptr());
    run_on(pool_, row_count, [&](std::int64_t row) {
      const auto source = static_cast<std::size_t>(interleaved_row(row, config_.head_dim));
      const auto bytes = tensor.bytes.subspan(source * row_bytes, row_bytes);
      const auto at_row = static_cast<std::size_t>(row);
      if (is_float) {
        std::memcpy(target + at_row * row_bytes, bytes.data(), row_bytes);
      } else {
        dequantize_ggml(tensor.type, bytes, {values.data_ptr<float>() + at_row * row_values, row_values});
      }
    });
    file_.map().release(tensor.bytes);
    return values;
  }

  at::Tensor mapped(const GgufTensor& tensor, const std::vector<std::int64_t>& shape, at::ScalarType type) const {
    void* bytes = const_cast<std::byte*>(tensor.bytes.data());
    // The file's alignment, 8 or more, is enough for every float type.
    return at::from_blob(
        bytes, shape, [map = file_.map(), view = tensor.bytes](void*) { map.release(view); }, type);
  }

  void check_tensors() const {
    std::set<std::string> known;
    if (gguf_architecture(config_.architecture) == "llama") known.insert("rope_freqs.weight");
    for (const std::string& name : plain_tensor_names(config_)) {
      const std::string stored = gguf_tensor_name(name);
      checked(stored, shape_of_tensor(config_, name, path().string()));
      known.insert(stored);
    }
    for (const std::string& name : linear_names(config_)) {
      const LinearPlace place = place_of_linear(config_, name, path().string());
      const std::string stored = gguf_linear_name(place);
      checked(stored + ".weight", {place.rows, place.columns});
      known.insert(stored + ".weight");
      if (!place.has_bias) continue;
      checked(stored + ".bias", {place.rows});
      known.insert(stored + ".bias");
    }
    for (const auto& [name, tensor] : file_.tensors()) {
      if (known.contains(name)) continue;
      throw Error(fmt::format("{} tensor {}", path().string(), shown_name(name)),
                  "no place for it in the model of the metadata", "only tensors of that model");
    }
  }

  GgufFile file_;
  ThreadPool* pool_;
  ModelConfig config_;
  ModelPlan plan_;
  GenerationDefaults defaults_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_gguf(const fs::path& file, ThreadPool* pool) {
  return std::make_unique<GgufCheckpoint>(file, pool);
}

}  // namespace qreason
