#include "quantize/passes/rotate_residual.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "quantize/passes/hadamard_rotation.h"

namespace qreason {
namespace {

constexpr const char* kKind = "rotate_residual";

std::vector<double> signs_of(const ResidualRotation& rotation, std::int64_t count) {
  std::vector<double> signs;
  if (rotation.signs) {
    for (const char sign : *rotation.signs) signs.push_back(sign == '+' ? 1 : -1);
    return signs;
  }
  MersenneTwister random(rotation.seed);
  for (std::int64_t i = 0; i < count; ++i) signs.push_back((random.next_u32() & 1) != 0 ? 1 : -1);
  return signs;
}

class RotatedResidual : public RotatedView {
 public:
  RotatedResidual(const WeightSource& source, const HadamardRotation& matrix, std::vector<double> signs,
                  ThreadPool* pool)
      : RotatedView(source, source.plan(), pool),
        map_([matrix, signs = std::move(signs)](double* row, std::int64_t width) {
          for (std::int64_t i = 0; i < width; ++i) row[i] *= signs[static_cast<std::size_t>(i)];
          matrix.apply(row, width);
        }) {}

  LinearWeight linear(const std::string& name) const override {
    const auto slot = slot_of(name);
    if (!slot && name != kHeadName) return source().linear(name);
    const bool writes = slot && is_row_parallel(*slot);
    return writes ? with_mapped_outputs(source().linear(name), map_, pool())
                  : with_mapped_inputs(source().linear(name), map_, pool());
  }
  at::Tensor tensor(const std::string& name) const override {
    if (name == kEmbeddingName) return with_mapped_rows(source().tensor(name), map_, pool());
    return RotatedView::tensor(name);
  }

 private:
  RowMap map_;
};

class RotateResidual : public ExactPass {
 public:
  explicit RotateResidual(const ResidualRotation& rotation) : rotation_(rotation) {}
  std::string_view kind() const override { return kKind; }
  ParameterMap parameters() const override {
    ParameterMap parameters;
    if (rotation_.signs) {
      parameters["signs"] = *rotation_.signs;
    } else {
      parameters["seed"] = std::int64_t{rotation_.seed};
    }
    if (rotation_.block != 0) parameters["block"] = rotation_.block;
    return parameters;
  }
  std::vector<Site> folds_at() const override { return {Site::kAttentionInput, Site::kMlpInput}; }

  void change_outline(ModelOutline& outline) const override {
    if (!outline.unit_gains) throw Error::usage(kKind, "norms with gains", "fold_norms before it");
    for (const Site site : {Site::kAttentionInput, Site::kMlpInput}) require_no_transform(outline.plan, site, kKind);
    const std::int64_t hidden = outline.config.hidden_size;
    shape_for(hidden);
    if (rotation_.signs && static_cast<std::int64_t>(rotation_.signs->size()) != hidden) {
      throw Error::usage(fmt::format("{}: signs", kKind), fmt::format("{}", rotation_.signs->size()),
                         fmt::format("{}, the hidden size", hidden));
    }
    outline.types.embedding = outline.types.head = StoredType::kFloat32;
    outline.types.linears.fill(StoredType::kFloat32);
  }
  ViewCost view_cost(const ModelConfig& config) const override {
    const RotationWork work = HadamardRotation(shape_for(config.hidden_size)).work();
    ViewCost cost;
    for (const LinearSlot slot : kLinearSlots) {
      cost.of(slot).add(work, is_row_parallel(slot) ? ViewWork::Mapped::kColumns : ViewWork::Mapped::kRows);
    }
    cost.embedding.add(work, ViewWork::Mapped::kRows);
    cost.head.add(work, ViewWork::Mapped::kRows);
    return cost;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool* pool) const override {
    const std::int64_t hidden = source.config().hidden_size;
    const HadamardRotation matrix(shape_for(hidden));
    return std::make_unique<RotatedResidual>(source, matrix, signs_of(rotation_, hidden), pool);
  }

 private:
  HadamardShape shape_for(std::int64_t hidden) const {
    const std::string where = fmt::format("{}: {}", kKind, rotation_.block == 0 ? "hidden size" : "block");
    if (rotation_.block == 0) return hadamard_shape(hidden, where);
    if (hidden % rotation_.block != 0) {
      throw Error::usage(where, fmt::format("{}", rotation_.block), fmt::format("a divisor of {}", hidden));
    }
    return hadamard_shape(rotation_.block, where);
  }

  ResidualRotation rotation_;
};

}  // namespace

PassPointer rotate_residual(const ResidualRotation& rotation) {
  if (rotation.signs && (rotation.signs->empty() || rotation.signs->find_first_not_of("+-") != std::string::npos)) {
    throw Error::usage(fmt::format("{}: signs", kKind), fmt::format("\"{}\"", rotation.signs->substr(0, 40)),
                       "a text of + and -, one a channel");
  }
  if (rotation.block < 0)
    throw Error::usage(fmt::format("{}: block", kKind), fmt::format("{}", rotation.block), "0 or more");
  return std::make_shared<const RotateResidual>(rotation);
}

PassPointer read_rotate_residual(ParameterReader& parameters) {
  ResidualRotation rotation;
  if (parameters.has("signs")) rotation.signs = parameters.text("signs", "");
  const std::int64_t seed = parameters.integer("seed", 0);
  if (seed < 0 || seed > std::numeric_limits<std::uint32_t>::max()) {
    throw Error::usage(parameters.where() + ": seed", fmt::format("{}", seed), "0 to 4294967295");
  }
  if (rotation.signs && parameters.has("seed")) {
    throw Error::usage(parameters.where() + ": seed", "signs as well", "one of the two");
  }
  rotation.seed = static_cast<std::uint32_t>(seed);
  rotation.block = parameters.integer("block", 0);
  return rotate_residual(rotation);
}

}  // namespace qreason
