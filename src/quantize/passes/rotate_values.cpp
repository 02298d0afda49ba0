#include "quantize/passes/rotate_values.h"

#include "quantize/passes/hadamard_rotation.h"

namespace qreason {
namespace {

constexpr const char* kKind = "rotate_values";

HadamardRotation head_rotation(const ModelConfig& config) {
  return HadamardRotation(hadamard_shape(config.head_dim, "rotate_values: head_dim"));
}

HadamardRotation across_rotation(const ModelConfig& config) {
  return HadamardRotation(hadamard_shape(config.heads, "rotate_values: heads"), config.head_dim);
}

class RotatedValues : public RotatedView {
 public:
  RotatedValues(const WeightSource& source, ModelPlan plan, ValueRotation rotation, ThreadPool* pool)
      : RotatedView(source, std::move(plan), pool), head_(head_rotation(config())) {
    if (rotation == ValueRotation::kPerHead) return;
    across_.emplace(across_rotation(config()));
    hand_out(Site::kAttentionOutput, *across_);
  }

  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = source().linear(name);
    const auto slot = slot_of(name);
    if (slot == LinearSlot::kV) {
      const auto rotate = [&](double* row, std::int64_t width) { head_.apply(row, width); };
      return with_mapped_outputs(std::move(weight), rotate, pool());
    }
    if (slot != LinearSlot::kO) return weight;
    const auto rotate = [&](double* row, std::int64_t width) {
      head_.apply(row, width);
      if (across_) across_->apply(row, width);
    };
    return with_mapped_inputs(std::move(weight), rotate, pool());
  }

 private:
  HadamardRotation head_;
  std::optional<HadamardRotation> across_;
};

class RotateValues : public ExactPass {
 public:
  explicit RotateValues(ValueRotation rotation) : rotation_(rotation) {}
  std::string_view kind() const override { return kKind; }
  ParameterMap parameters() const override { return {{"full", rotation_ == ValueRotation::kFull}}; }
  std::vector<Site> folds_at() const override { return {Site::kValue, Site::kAttentionOutput}; }

  void change_outline(ModelOutline& outline) const override {
    head_rotation(outline.config);
    outline.plan = plan_of(outline.config, outline.plan);
    for (const LinearSlot slot : {LinearSlot::kV, LinearSlot::kO}) {
      outline.types.linears[static_cast<std::size_t>(slot)] = StoredType::kFloat32;
    }
  }
  ViewCost view_cost(const ModelConfig& config) const override {
    ViewCost cost;
    cost.of(LinearSlot::kV).add(head_rotation(config).work(), ViewWork::Mapped::kColumns);
    cost.of(LinearSlot::kO).add(head_rotation(config).work(), ViewWork::Mapped::kRows);
    if (rotation_ == ValueRotation::kFull) {
      const RotationWork across = across_rotation(config).work();
      cost.of(LinearSlot::kO).rotated.levels += across.levels;
      cost.of(LinearSlot::kO).rotated.core += across.core;
    }
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool* pool) const override {
    return std::make_unique<RotatedValues>(source, plan_of(source.config(), source.plan()), rotation_, pool);
  }

 private:
  ModelPlan plan_of(const ModelConfig& config, ModelPlan plan) const {
    for (const Site site : {Site::kValue, Site::kAttentionOutput}) require_no_transform(plan, site, kKind);
    if (rotation_ == ValueRotation::kFull) {
      add_transform(plan, Site::kAttentionOutput, across_rotation(config).online(), kKind);
    }
    return plan;
  }

  ValueRotation rotation_;
};

}  // namespace

PassPointer rotate_values(ValueRotation rotation) {
  return std::make_shared<const RotateValues>(rotation);
}

PassPointer read_rotate_values(ParameterReader& parameters) {
  return rotate_values(parameters.flag("full", false) ? ValueRotation::kFull : ValueRotation::kPerHead);
}

}  // namespace qreason
