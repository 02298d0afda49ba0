// Opening a model, whatever wrote it: Hugging Face directories, GGUF files and our own quantized directories.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "checkpoint/gguf.h"
#include "model/weights.h"

namespace qreason {

struct TensorSummary {
  std::string name;
  std::string type;  // as stored: "BF16", "Q4_K", "w4g128-asym"
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
};

struct GenerationDefaults {  // generation_config.json; absent fields are nullopt
  std::optional<double> temperature, top_p, repetition_penalty;
  std::optional<std::int64_t> top_k;
  std::vector<std::int64_t> eos_tokens;
  std::vector<std::string> unsupported;  // keys in use that the sampler has no place for: "\"min_p\" is 0.1"
};

// What quantized a checkpoint, as far as its files tell; empty where they do not.
struct MadeBy {
  std::string tool;    // "gptqmodel 7.7.0"
  std::string method;  // what tables of results call it: "quantized.gptq-gptqmodel-w4g128"
};

class Checkpoint : public WeightSource {
 public:
  virtual std::string format() const = 0;  // "safetensors", "gguf", "qreason", "awq", "gptq", "compressed-tensors"
  virtual MadeBy made_by() const { return {}; }
  virtual std::filesystem::path path() const = 0;
  virtual std::vector<TensorSummary> tensors() const = 0;
  virtual GenerationDefaults generation_defaults() const = 0;
  // SHA-256 over names, types, shapes and bytes of all tensors: the model's identity in result files. Computed on call.
  virtual std::string content_hash() const = 0;
  // What the user should know of how the files were understood, a line each: a head that its config denies.
  virtual std::vector<std::string> warnings() const { return {}; }
  // The GGUF whose metadata holds the tokenizer; null for directories (their tokenizer files lie in path()).
  virtual const GgufFile* gguf() const { return nullptr; }
};

// A directory or a .gguf file. Unknown quant_method and unknown architectures are Errors that name them; so is, when it
// is asked for, a tensor that holds a NaN or an infinity. What has to be decoded or looked at when it is read is so by
// `pool` (which must outlive the checkpoint), or by the caller's thread.
std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path, ThreadPool* pool = nullptr);

}  // namespace qreason
