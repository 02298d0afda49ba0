// Checkpoints as transformers reads them: float ones, and those that other tools quantized.
#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/shown_name.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/quantized_model.h"
#include "checkpoint/readers.h"
#include "checkpoint/safetensors_folder.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kBasePrefix = "model.";
const std::string kHeadTensor = std::string(kHeadName) + ".weight";

class HfCheckpoint : public Checkpoint {
 public:
  HfCheckpoint(const fs::path& folder, const Json& json, const QuantizationSettings* settings, ThreadPool* pool)
      : pool_(pool),
        config_(parse_model_config(json, (folder / "config.json").string())),
        defaults_(read_generation_defaults(folder, json)),
        tensors_(folder) {
    const std::vector<std::string> names = tensors_.names();
    base_ = std::none_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with(kBasePrefix); });
    if (config_.tied_embeddings && tensors_.contains(kHeadTensor)) compare_head();
    if (settings != nullptr) {
      read_quantized(*settings);
    } else {
      quantized_.format = "safetensors";
      quantized_.plan = uniform_plan(config_.layers);
    }
    check_tensors();
  }

  std::string format() const override { return quantized_.format; }
  MadeBy made_by() const override { return quantized_.made_by; }
  fs::path path() const override { return tensors_.path(); }
  GenerationDefaults generation_defaults() const override { return defaults_; }
  std::vector<std::string> warnings() const override { return warnings_; }
  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return quantized_.plan; }

  // The plan belongs to the bytes: the same ones under another are another model.
  std::string content_hash() const override {
    if (quantized_.plan.is_float()) return tensors_.content_hash();
    Sha256 hash;
    hash.update(to_json(quantized_.plan).dump());
    hash.update(tensors_.content_hash());
    return hash.finish_hex();
  }

  // A quantized linear is one tensor here, with all the bytes that it takes.
  std::vector<TensorSummary> tensors() const override {
    std::vector<TensorSummary> summaries;
    for (TensorSummary& summary : tensors_.summaries()) {
      if (!packed_tensors_.contains(summary.name)) summaries.push_back(std::move(summary));
    }
    for (const auto& [name, linear] : quantized_.linears) {
      const LinearPlace place = place_of_linear(config_, name, path().string());
      TensorSummary summary{
          .name = name + ".weight", .type = to_string(linear.format), .shape = {place.rows, place.columns}};
      for (const std::string& stored : linear.tensors) summary.bytes += tensors_.entry(stored).size;
      summaries.push_back(std::move(summary));
    }
    std::sort(summaries.begin(), summaries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return summaries;
  }

  LinearWeight linear(const std::string& name) const override {
    const LinearPlace place = place_of_linear(config_, name, path().string());
    if (name == kHeadName && config_.tied_embeddings) return {.matrix = tensor(kEmbeddingName)};
    LinearWeight weight;
    if (const auto found = quantized_.linears.find(name); found != quantized_.linears.end()) {
      weight.matrix = found->second.read(tensors_, pool_);
    } else {
      weight.matrix = tensors_.dense(stored(name + ".weight"), {place.rows, place.columns});
    }
    if (place.has_bias) weight.bias = tensors_.dense(stored(name + ".bias"), {place.rows}).to(at::kFloat);
    return weight;
  }

  at::Tensor tensor(const std::string& name) const override {
    if (const auto found = quantized_.site_tensors.find(name); found != quantized_.site_tensors.end()) {
      return found->second;
    }
    return tensors_.dense(stored(name), shape_of_tensor(config_, name, path().string()));
  }

 private:
  void read_quantized(const QuantizationSettings& settings) {
    const QuantizedReader reader = quantized_reader(settings.method);
    quantized_ = reader({.tensors = tensors_,
                         .config = config_,
                         .settings = settings.json,
                         .ordered = settings.ordered,
                         .where = settings.where});
    warnings_.insert(warnings_.end(), quantized_.warnings.begin(), quantized_.warnings.end());
    for (const auto& [name, linear] : quantized_.linears)
      packed_tensors_.insert(linear.tensors.begin(), linear.tensors.end());
    try {
      validate(quantized_.plan, config_, "plan");
    } catch (const Error& failure) {
      throw Error(settings.where, failure.what());
    }
  }

  // The name in the file. Checkpoints saved from the base model (LlamaModel) have theirs without "model."; of tied
  // matrices, either may be the one that is stored.
  std::string stored(const std::string& name) const {
    const std::string in_file = base_ && name.starts_with(kBasePrefix) ? name.substr(kBasePrefix.size()) : name;
    const bool only_head = name == kEmbeddingName && config_.tied_embeddings && !tensors_.contains(in_file) &&
                           tensors_.contains(kHeadTensor);
    return only_head ? kHeadTensor : in_file;
  }

  // As transformers 5: a config that says "tied" over a head and an embedding that differ is wrong; both are used.
  void compare_head() {
    const std::vector<std::int64_t> shape{config_.vocab_size, config_.hidden_size};
    const at::Tensor head = tensors_.dense(kHeadTensor, shape),
                     embedding = tensors_.dense(stored(kEmbeddingName), shape);
    const bool same_type = head.scalar_type() == embedding.scalar_type();
    const bool same = same_type ? std::memcmp(head.const_data_ptr(), embedding.const_data_ptr(), head.nbytes()) == 0
                                : at::equal(head.to(at::kFloat), embedding.to(at::kFloat));
    if (same) return;
    config_.tied_embeddings = false;
    warnings_.push_back(fmt::format(
        "{}: \"tie_word_embeddings\" is true, but the stored {} differs from the embedding; it is used as it is",
        (path() / "config.json").string(), kHeadTensor));
  }

  void check_tensors() const {
    std::set<std::string> known = quantized_.other_tensors;
    known.insert(packed_tensors_.begin(), packed_tensors_.end());
    for (const std::string& name : plain_tensor_names(config_)) {
      tensors_.require_dense(stored(name), shape_of_tensor(config_, name, path().string()));
      known.insert(stored(name));
    }
    for (const std::string& name : linear_names(config_)) {
      const LinearPlace place = place_of_linear(config_, name, path().string());
      if (!quantized_.linears.contains(name)) {
        tensors_.require_dense(stored(name + ".weight"), {place.rows, place.columns});
        known.insert(stored(name + ".weight"));
      }
      if (!place.has_bias) continue;
      tensors_.require_dense(stored(name + ".bias"), {place.rows});
      known.insert(stored(name + ".bias"));
    }
    if (config_.tied_embeddings) known.insert(kHeadTensor);  // the embedding once more
    refuse_unknown_tensors(tensors_, [&](const std::string& name) { return known.contains(name); });
  }

  ThreadPool* pool_;
  ModelConfig config_;
  QuantizedModel quantized_;              // of a float model a plan of floats alone
  std::set<std::string> packed_tensors_;  // stored tensors that belong to quantized linears
  GenerationDefaults defaults_;
  SafetensorsFolder tensors_;
  bool base_ = false;  // names without "model."
  std::vector<std::string> warnings_;
};

}  // namespace

void refuse_unknown_tensors(const SafetensorsFolder& folder, const std::function<bool(const std::string&)>& is_known) {
  for (const std::string& name : folder.names()) {
    // Old Llama files carry the rotary table.
    if (is_known(name) || name.ends_with("rotary_emb.inv_freq")) continue;
    throw Error(fmt::format("{} tensor {}", folder.file_of(name).path().string(), shown_name(name)),
                "no place for it in the model of config.json", "only tensors of that model");
  }
}

std::unique_ptr<Checkpoint> open_hf(const fs::path& folder, const Json& config, const QuantizationSettings* settings,
                                    ThreadPool* pool) {
  return std::make_unique<HfCheckpoint>(folder, config, settings, pool);
}

}  // namespace qreason
