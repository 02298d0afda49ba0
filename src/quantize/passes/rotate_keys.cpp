#include "quantize/passes/rotate_keys.h"

#include "quantize/passes/hadamard_rotation.h"

namespace qreason {
namespace {

constexpr const char* kKind = "rotate_keys";

HadamardRotation rotation_for(const ModelConfig& config) {
  return HadamardRotation(hadamard_shape(config.head_dim, "rotate_keys: head_dim"));
}

class RotatedKeys : public RotatedView {
 public:
  RotatedKeys(const WeightSource& source, ModelPlan plan, const HadamardRotation& rotation)
      : RotatedView(source, std::move(plan)) {
    hand_out(Site::kKey, rotation);
  }
  LinearWeight linear(const std::string& name) const override { return source().linear(name); }
};

class RotateKeys : public ExactPass {
 public:
  std::string_view kind() const override { return kKind; }
  ParameterMap parameters() const override { return {}; }

  void change_outline(ModelOutline& outline) const override {
    add_transform(outline.plan, Site::kKey, rotation_for(outline.config).online(), kKind);
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool*) const override {
    const HadamardRotation rotation = rotation_for(source.config());
    ModelPlan plan = source.plan();
    add_transform(plan, Site::kKey, rotation.online(), kKind);
    return std::make_unique<RotatedKeys>(source, std::move(plan), rotation);
  }
};

}  // namespace

PassPointer rotate_keys() {
  return std::make_shared<const RotateKeys>();
}

PassPointer read_rotate_keys(ParameterReader&) {
  return rotate_keys();
}

}  // namespace qreason
