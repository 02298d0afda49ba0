#include "quantize/passes/fold_norms.h"

#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <map>

#include "quantize/passes/scaled_view.h"

namespace qreason {
namespace {

class FoldedNorms : public WeightSource {
 public:
  explicit FoldedNorms(const WeightSource& source) : source_(source), config_(source.config()) {
    require_no_transforms(source.plan(), "fold_norms");
    config_.tied_embeddings = false;
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        if (input_site(slot) == Site::kAttentionInput)
          norms_[linear_name(layer, slot)] = block_tensor_name(layer, kInputNorm);
        if (input_site(slot) == Site::kMlpInput) norms_[linear_name(layer, slot)] = block_tensor_name(layer, kPostNorm);
      }
    }
    norms_[kHeadName] = kFinalNormName;
  }

  const ModelConfig& config() const override { return config_; }
  const ModelPlan& plan() const override { return source_.plan(); }

  LinearWeight linear(const std::string& name) const override {
    const bool tied_head = name == kHeadName && source_.config().tied_embeddings;
    LinearWeight weight =
        tied_head ? LinearWeight{.matrix = source_.tensor(kEmbeddingName), .bias = {}} : source_.linear(name);
    const auto norm = norms_.find(name);
    if (norm == norms_.end()) return weight;
    weight.matrix = with_scaled_columns(std::get<at::Tensor>(weight.matrix), doubles_of(source_.tensor(norm->second)));
    return weight;
  }

  at::Tensor tensor(const std::string& name) const override {
    const at::Tensor values = source_.tensor(name);
    const bool folded =
        std::any_of(norms_.begin(), norms_.end(), [&](const auto& pair) { return pair.second == name; });
    return folded ? at::ones_like(values) : values;
  }

 private:
  const WeightSource& source_;
  ModelConfig config_;
  std::map<std::string, std::string> norms_;  // linear to the norm it reads
};

class FoldNorms : public ExactPass {
 public:
  std::string_view kind() const override { return "fold_norms"; }
  ParameterMap parameters() const override { return {}; }
  std::vector<Site> folds_at() const override { return {Site::kAttentionInput, Site::kMlpInput}; }
  void change_outline(ModelOutline& outline) const override {
    require_no_transforms(outline.plan, "fold_norms");
    outline.config.tied_embeddings = false;
    outline.types.head = StoredType::kFloat32;
    outline.unit_gains = true;
    for (const Site site : {Site::kAttentionInput, Site::kMlpInput}) {
      outline.types.set_readers(site, StoredType::kFloat32);
    }
  }
  ViewCost view_cost(const ModelConfig&) const override {
    ViewCost cost;
    for (const LinearSlot slot : kLinearSlots) {
      const Site site = input_site(slot);
      if (site == Site::kAttentionInput || site == Site::kMlpInput) cost.of(slot).converted = 1;
    }
    cost.head.converted = 1;
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool*) const override {
    return std::make_unique<FoldedNorms>(source);
  }
};

}  // namespace

PassPointer fold_norms() {
  return std::make_shared<const FoldNorms>();
}

PassPointer read_fold_norms(ParameterReader&) {
  return fold_norms();
}

}  // namespace qreason
