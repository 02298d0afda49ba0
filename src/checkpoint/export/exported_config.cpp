#include "checkpoint/export/exported_config.h"

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/export/float_rows.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMaxConfig = 64 << 20;

}  // namespace

OrderedJson exported_config(const Checkpoint& model, StoredType type) {
  const ModelConfig& config = model.config();
  if (!config.rope_frequency_divisors.empty()) {
    throw Error(model.path().string(), "rotary frequencies of its own (rope_freqs.weight)",
                "what a Hugging Face config can say; --format gguf keeps them");
  }
  const OrderedJson plain = to_hf_json(config);
  OrderedJson json = plain;
  if (!model.gguf()) {
    const std::filesystem::path path = model.path() / "config.json";
    json = parse_ordered_json(read_text_file(path, kMaxConfig), path.string());
    json.erase("quantization_config");
    json.erase("compression_config");
  }
  for (const char* key : {"architectures", "model_type", "rope_theta", "rope_scaling", "tie_word_embeddings"}) {
    json[key] = plain.at(key);
  }
  json["torch_dtype"] = config_name(type);
  if (json.contains("dtype")) json["dtype"] = config_name(type);
  return json;
}

}  // namespace qreason
