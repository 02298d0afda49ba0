#include "quantize/passes/rotate_groups.h"

#include <fmt/format.h>

#include "base/error.h"
#include "quantize/passes/hadamard_rotation.h"

namespace qreason {
namespace {

constexpr const char* kKind = "rotate_groups";

class RotatedGroups : public RotatedView {
 public:
  RotatedGroups(const WeightSource& source, ModelPlan plan, const HadamardRotation& rotation, ThreadPool* pool)
      : RotatedView(source, std::move(plan), pool), rotation_(rotation) {
    for (const Site site : kActivationSites) hand_out(site, rotation_);
  }

  LinearWeight linear(const std::string& name) const override {
    if (!slot_of(name)) return source().linear(name);
    return with_mapped_inputs(
        source().linear(name), [&](double* row, std::int64_t width) { rotation_.apply(row, width); }, pool());
  }

 private:
  HadamardRotation rotation_;
};

class RotateGroups : public ExactPass {
 public:
  explicit RotateGroups(std::int64_t size) : size_(size), rotation_(hadamard_shape(size, "rotate_groups: size")) {}
  std::string_view kind() const override { return kKind; }
  ParameterMap parameters() const override { return {{"size", size_}}; }
  std::vector<Site> folds_at() const override { return {kActivationSites.begin(), kActivationSites.end()}; }

  void change_outline(ModelOutline& outline) const override {
    for (const Site site : kActivationSites) {
      if (site_width(outline.config, site) % size_ != 0) {
        throw Error::usage(fmt::format("{}: {}", kKind, name_of(site)),
                           fmt::format("groups of {} in rows of {}", size_, site_width(outline.config, site)),
                           "a size that divides the row");
      }
    }
    add_to(outline.plan);
    outline.types.linears.fill(StoredType::kFloat32);
  }
  ViewCost view_cost(const ModelConfig&) const override {
    ViewCost cost;
    for (const LinearSlot slot : kLinearSlots) cost.of(slot).add(rotation_.work(), ViewWork::Mapped::kRows);
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool* pool) const override {
    ModelPlan plan = source.plan();
    add_to(plan);
    return std::make_unique<RotatedGroups>(source, std::move(plan), rotation_, pool);
  }

 private:
  void add_to(ModelPlan& plan) const {
    for (const Site site : kActivationSites) add_transform(plan, site, rotation_.online(), kKind);
  }

  std::int64_t size_;
  HadamardRotation rotation_;
};

}  // namespace

PassPointer rotate_groups(std::int64_t size) {
  if (size < 2) throw Error::usage("rotate_groups: size", fmt::format("{}", size), "2 or more");
  return std::make_shared<const RotateGroups>(size);
}

PassPointer read_rotate_groups(ParameterReader& parameters) {
  return rotate_groups(parameters.integer("size", 32));
}

}  // namespace qreason
