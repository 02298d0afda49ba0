// Float checkpoints as transformers writes them.
#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/readers.h"
#include "checkpoint/safetensors_folder.h"
#include "checkpoint/shown_name.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

class HfCheckpoint : public Checkpoint {
 public:
  HfCheckpoint(const fs::path& folder, const Json& json)
      : config_(parse_model_config(json, (folder / "config.json").string())),
        plan_(uniform_plan(config_.layers)),
        defaults_(read_generation_defaults(folder)),
        tensors_(folder) {
    check_tensors();
  }

  std::string format() const override { return "safetensors"; }
  fs::path path() const override { return tensors_.path(); }
  std::vector<TensorSummary> tensors() const override { return tensors_.summaries(); }
  GenerationDefaults generation_defaults() const override { return defaults_; }
  std::string content_hash() const override { return tensors_.content_hash(); }
  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return plan_; }

  LinearWeight linear(const std::string& name) const override {
    const LinearPlace place = place_of_linear(config_, name, path().string());
    if (name == "lm_head" && config_.tied_embeddings) return {.matrix = tensor("model.embed_tokens.weight")};
    LinearWeight weight{.matrix = tensors_.dense(name + ".weight", {place.rows, place.columns})};
    if (place.has_bias) weight.bias = tensors_.dense(name + ".bias", {place.rows}).to(at::kFloat);
    return weight;
  }

  at::Tensor tensor(const std::string& name) const override {
    return tensors_.dense(name, shape_of_tensor(config_, name, path().string()));
  }

 private:
  void check_tensors() const {
    std::set<std::string> known;
    for (const std::string& name : plain_tensor_names(config_)) {
      tensors_.require_dense(name, shape_of_tensor(config_, name, path().string()));
      known.insert(name);
    }
    for (const std::string& name : linear_names(config_)) {
      const LinearPlace place = place_of_linear(config_, name, path().string());
      tensors_.require_dense(name + ".weight", {place.rows, place.columns});
      known.insert(name + ".weight");
      if (!place.has_bias) continue;
      tensors_.require_dense(name + ".bias", {place.rows});
      known.insert(name + ".bias");
    }
    refuse_unknown_tensors(tensors_, [&](const std::string& name) { return known.contains(name); });
  }

  ModelConfig config_;
  ModelPlan plan_;
  GenerationDefaults defaults_;
  SafetensorsFolder tensors_;
};

}  // namespace

void refuse_unknown_tensors(const SafetensorsFolder& folder, const std::function<bool(const std::string&)>& is_known) {
  for (const std::string& name : folder.names()) {
    // Old Llama files carry the rotary table, and tied models sometimes their head once more.
    if (is_known(name) || name.ends_with(".rotary_emb.inv_freq") || name == "lm_head.weight") continue;
    throw Error(fmt::format("{} tensor {}", folder.file_of(name).path().string(), shown_name(name)),
                "no place for it in the model of config.json", "only tensors of that model");
  }
}

std::unique_ptr<Checkpoint> open_hf(const fs::path& folder, const Json& config) {
  return std::make_unique<HfCheckpoint>(folder, config);
}

}  // namespace qreason
