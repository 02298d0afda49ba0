// Reading our own quantized directories (native.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "base/error.h"
#include "base/shown_name.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "checkpoint/native_linear.h"
#include "checkpoint/readers.h"
#include "checkpoint/safetensors_folder.h"
#include "checkpoint/tensor_bytes.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

ModelPlan parse_plan(const Json& config, const ModelConfig& model, const std::string& where) {
  const Json& settings = json_member(config, "quantization_config", where);
  const std::string inner = where + " quantization_config";
  constexpr std::array kKnown{"quant_method", "version", "plan"};
  for (const auto& [key, value] : settings.items()) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
      throw Error(inner, fmt::format("the unknown key \"{}\"", shown_name(key)), "quant_method, version and plan");
    }
  }
  const std::int64_t version = json_int(settings, "version", inner);
  if (version != 1 && version != 2) throw Error(inner, fmt::format("version {}", version), "1 or 2");
  ModelPlan plan = parse_model_plan(json_member(settings, "plan", inner), model.layers, inner + ".plan");
  if (form_version(plan) > version) {
    throw Error(inner, fmt::format("version {} with a plan of version {}", version, form_version(plan)),
                "the plan's version");
  }
  try {
    validate(plan, model, "plan");
  } catch (const Error& failure) {
    throw Error(inner, failure.what());
  }
  return plan;
}

class NativeCheckpoint : public Checkpoint {
 public:
  NativeCheckpoint(const fs::path& folder, const Json& json, ThreadPool* pool)
      : pool_(pool),
        config_(parse_model_config(json, (folder / "config.json").string())),
        plan_(parse_plan(json, config_, (folder / "config.json").string())),
        defaults_(read_generation_defaults(folder, json)),
        tensors_(folder) {
    check_tensors();
  }

  std::string format() const override { return "qreason"; }
  fs::path path() const override { return tensors_.path(); }
  GenerationDefaults generation_defaults() const override { return defaults_; }
  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return plan_; }

  // A quantized linear is one tensor here, with all the bytes that it takes.
  std::vector<TensorSummary> tensors() const override {
    std::vector<TensorSummary> summaries;
    for (TensorSummary& summary : tensors_.summaries()) {
      const auto owner = owners_.find(summary.name);
      if (owner == owners_.end()) {
        summaries.push_back(std::move(summary));
      } else if (summary.name == codes_name(owner->second)) {
        summaries.push_back(quantized_summary(owner->second));
      }
    }
    return summaries;
  }

  std::string content_hash() const override {
    Sha256 hash;
    hash.update(to_json(plan_).dump());
    for (const TensorSummary& summary : tensors_.summaries()) {
      const auto owner = owners_.find(summary.name);
      if (owner != owners_.end()) hash.update(tensors_.file_of(summary.name).metadata().at(owner->second + ".weight"));
      hash_tensor(hash, summary, tensors_.file_of(summary.name).bytes(summary.name).bytes());
    }
    return hash.finish_hex();
  }

  LinearWeight linear(const std::string& name) const override {
    place_of(name);
    if (name == kHeadName && config_.tied_embeddings) return {.matrix = tensor(kEmbeddingName)};
    return read_native_linear(file_of_linear(name), name, pool_);
  }

  at::Tensor tensor(const std::string& name) const override {
    if (name == kEmbeddingName && plan_.embedding) return linear(kEmbeddingLinear).dense_float32();
    if (const auto planned = plan_shapes_.find(name); planned != plan_shapes_.end()) {
      return tensors_.dense(name, planned->second);
    }
    return tensors_.dense(name, shape_of_tensor(config_, name, path().string()));
  }

 private:
  const SafetensorsFile& file_of_linear(const std::string& name) const {
    return tensors_.file_of(tensors_.contains(codes_name(name)) ? codes_name(name) : name + ".weight");
  }

  TensorSummary quantized_summary(const std::string& linear) const {
    const SafetensorsFile& file = file_of_linear(linear);
    const NativeLayout layout = native_layout(file, linear);
    std::uint64_t bytes = 0;
    for (const auto& [stored, owner] : owners_) {
      if (owner == linear) bytes += file.entry(stored).size;
    }
    return {.name = linear + ".weight",
            .type = to_string(layout.format),
            .shape = {layout.rows, layout.columns},
            .bytes = bytes};
  }

  void check_quantized(const std::string& name, const LinearPlace& place) {
    const SafetensorsFile& file = file_of_linear(name);
    const std::string where = fmt::format("{} tensor {}.weight", file.path().string(), name);
    const NativeLayout layout = native_layout(file, name);
    if (layout.rows != place.rows || layout.columns != place.columns) {
      throw Error(where, fmt::format("shape [{}, {}]", layout.rows, layout.columns),
                  fmt::format("[{}, {}]", place.rows, place.columns));
    }
    for (const std::string& stored : quantized_names(name)) {
      if (file.contains(stored)) owners_[stored] = name;
    }
    const auto planned = planned_format(name, place);
    if (planned != layout.format) {
      throw Error(where, fmt::format("the format {}", to_string(layout.format)),
                  fmt::format("{}, as the plan says", planned ? to_string(*planned) : "float"));
    }
    const std::int64_t group = group_size_of(layout.format, place.columns);
    if (layout.group_size != group) {
      throw Error(where, fmt::format("groups of {}", layout.group_size),
                  fmt::format("groups of {}, as its format {} says", group, to_string(layout.format)));
    }
  }

  std::optional<QuantFormat> planned_format(const std::string& name, const LinearPlace& place) const {
    if (name == kEmbeddingLinear) return plan_.embedding;
    if (!place.layer) return plan_.head;
    const auto& weights = plan_.block(*place.layer).weights;
    const auto planned = weights.find(place.slot);
    return planned == weights.end() ? std::nullopt : std::optional(planned->second);
  }

  LinearPlace place_of(const std::string& name) const {
    if (name == kEmbeddingLinear) return {.rows = config_.vocab_size, .columns = config_.hidden_size};
    return place_of_linear(config_, name, path().string());
  }

  void check_linear(const std::string& name, std::set<std::string>& known) {
    const LinearPlace place = place_of(name);
    if (tensors_.contains(codes_name(name))) {
      check_quantized(name, place);
    } else if (const auto planned = planned_format(name, place)) {
      throw Error(fmt::format("{} tensor {}.weight", path().string(), name), "no codes",
                  fmt::format("{}, as the plan says", to_string(*planned)));
    } else {
      tensors_.require_dense(name + ".weight", {place.rows, place.columns});
      known.insert(name + ".weight");
    }
    if (!place.has_bias) return;
    require_float_tensor(file_of_linear(name), name + ".bias", {place.rows});
    known.insert(name + ".bias");
  }

  void check_plan_tensors(std::set<std::string>& known) {
    for (const PlanTensor& tensor : plan_tensors(config_, plan_)) {
      const SafetensorsEntry& entry = tensors_.entry(tensor.name);
      if (entry.type != SafetensorsType::kF32 || entry.shape != tensor.shape) {
        throw Error(fmt::format("{} tensor {}", path().string(), tensor.name),
                    fmt::format("{} [{}]", name_of(entry.type), fmt::join(entry.shape, ", ")),
                    fmt::format("F32 [{}], as the plan says", fmt::join(tensor.shape, ", ")));
      }
      plan_shapes_[tensor.name] = tensor.shape;
      known.insert(tensor.name);
    }
  }

  void check_tensors() {
    std::set<std::string> known;
    check_linear(kEmbeddingLinear, known);
    for (const std::string& name : plain_tensor_names(config_)) {
      if (name == kEmbeddingName) continue;
      tensors_.require_dense(name, shape_of_tensor(config_, name, path().string()));
      known.insert(name);
    }
    for (const std::string& name : linear_names(config_)) check_linear(name, known);
    check_plan_tensors(known);
    refuse_unknown_tensors(tensors_,
                           [&](const std::string& name) { return known.contains(name) || owners_.contains(name); });
  }

  ThreadPool* pool_;
  ModelConfig config_;
  ModelPlan plan_;
  GenerationDefaults defaults_;
  SafetensorsFolder tensors_;
  std::map<std::string, std::vector<std::int64_t>> plan_shapes_;  // of transforms and static parameters
  std::map<std::string, std::string> owners_;  // stored tensors of quantized linears to the linear's name
};

}  // namespace

std::unique_ptr<Checkpoint> open_native(const fs::path& folder, const Json& config, ThreadPool* pool) {
  return std::make_unique<NativeCheckpoint>(folder, config, pool);
}

}  // namespace qreason
