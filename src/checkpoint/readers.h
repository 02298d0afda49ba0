// One reader a kind of checkpoint; open_checkpoint chooses. Each checks all tensors of the model when it opens.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/json.h"
#include "checkpoint/checkpoint.h"

namespace qreason {

// What a folder says of how its weights were quantized by another tool.
struct QuantizationSettings {
  std::string method;  // quant_method, one that has a reader (checkpoint/quantized_model.h)
  Json json;
  OrderedJson ordered;  // the same with its keys in the order of the file
  std::string where;    // the file, and the key in it
};

// `config` is the parsed config.json of the folder. Without settings the weights are float ones. `pool` unpacks codes.
std::unique_ptr<Checkpoint> open_hf(const std::filesystem::path& folder, const Json& config,
                                    const QuantizationSettings* settings = nullptr, ThreadPool* pool = nullptr);
std::unique_ptr<Checkpoint> open_native(const std::filesystem::path& folder, const Json& config,
                                        ThreadPool* pool = nullptr);
std::unique_ptr<Checkpoint> open_gguf(const std::filesystem::path& file, ThreadPool* pool = nullptr);

// fs::exists that takes whatever cannot be looked at (no permission, links in a circle) for absent.
bool is_present(const std::filesystem::path& path);

// An Error naming the field when one is out of its range.
void check_generation_defaults(const GenerationDefaults& defaults, const std::string& where);
// generation_config.json of the folder; where there is none, what its config.json says.
GenerationDefaults read_generation_defaults(const std::filesystem::path& folder, const Json& config);

class SafetensorsFolder;
// Whatever lies in model.layers or beside them and belongs to no tensor of the model changes the function in a way that
// the config does not tell: an Error. `is_known` says which names do belong.
void refuse_unknown_tensors(const SafetensorsFolder& folder, const std::function<bool(const std::string&)>& is_known);

}  // namespace qreason
