#include "quantize/passes/rotate_down.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/hadamard_rotation.h"

namespace qreason {
namespace {

constexpr const char* kKind = "rotate_down";

HadamardRotation rotation_for(const ModelConfig& config, std::int64_t shards) {
  if (config.intermediate_size % shards != 0) {
    throw Error::usage("rotate_down: shards", fmt::format("{}", shards),
                       fmt::format("a divisor of the intermediate size {}", config.intermediate_size));
  }
  const std::int64_t width = config.intermediate_size / shards, block = largest_hadamard_block(width);
  if (block == 1) throw Error::usage(kKind, fmt::format("rows of {}", width), "an even number");
  return HadamardRotation(hadamard_shape(block, kKind));
}

class RotatedDown : public RotatedView {
 public:
  RotatedDown(const WeightSource& source, ModelPlan plan, const HadamardRotation& rotation, ThreadPool* pool)
      : RotatedView(source, std::move(plan), pool), rotation_(rotation) {
    hand_out(Site::kMlpMiddle, rotation_);
  }

  LinearWeight linear(const std::string& name) const override {
    if (slot_of(name) != LinearSlot::kDown) return source().linear(name);
    return with_mapped_inputs(
        source().linear(name), [&](double* row, std::int64_t width) { rotation_.apply(row, width); }, pool());
  }

 private:
  HadamardRotation rotation_;
};

class RotateDown : public ExactPass {
 public:
  explicit RotateDown(std::int64_t shards) : shards_(shards) {}
  std::string_view kind() const override { return kKind; }
  ParameterMap parameters() const override { return {{"shards", shards_}}; }
  std::vector<Site> folds_at() const override { return {Site::kMlpMiddle}; }

  void change_outline(ModelOutline& outline) const override {
    add_transform(outline.plan, Site::kMlpMiddle, rotation_for(outline.config, shards_).online(), kKind);
    outline.types.set_readers(Site::kMlpMiddle, StoredType::kFloat32);
  }
  ViewCost view_cost(const ModelConfig& config) const override {
    ViewCost cost;
    cost.of(LinearSlot::kDown).add(rotation_for(config, shards_).work(), ViewWork::Mapped::kRows);
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool* pool) const override {
    const HadamardRotation rotation = rotation_for(source.config(), shards_);
    ModelPlan plan = source.plan();
    add_transform(plan, Site::kMlpMiddle, rotation.online(), kKind);
    return std::make_unique<RotatedDown>(source, std::move(plan), rotation, pool);
  }

 private:
  std::int64_t shards_;
};

}  // namespace

PassPointer rotate_down(std::int64_t shards) {
  if (shards < 1) throw Error::usage("rotate_down: shards", fmt::format("{}", shards), "at least 1");
  return std::make_shared<const RotateDown>(shards);
}

PassPointer read_rotate_down(ParameterReader& parameters) {
  return rotate_down(parameters.integer("shards", 1));
}

}  // namespace qreason
