#include "quantize/passes/hadamard_rotation.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "quantize/passes/scaled_view.h"

namespace qreason {
namespace {

constexpr std::int64_t kChunk = 512;  // rows or columns that are held in float64

void map_all_rows(at::Tensor& rows, const RowMap& map, ThreadPool* pool) {
  double* data = rows.data_ptr<double>();
  const std::int64_t width = rows.size(1);
  run_on(pool, rows.size(0), [&](std::int64_t row) { map(data + row * width, width); });
}

// Where the mapped matrix goes: into the matrix's own memory when that is of the right type, no file's and no one
// else's.
at::Tensor target_for(const at::Tensor& matrix) {
  const bool own = matrix.use_count() == 1 && matrix.storage().use_count() == 1 && matrix.storage().resizable();
  if (own && matrix.is_contiguous() && matrix.scalar_type() == view_type(matrix)) return matrix;
  return at::empty(matrix.sizes(), view_type(matrix));
}

}  // namespace

HadamardRotation::HadamardRotation(const HadamardShape& shape, std::int64_t lanes)
    : shape_(shape), lanes_(lanes), scale_(1 / std::sqrt(static_cast<double>(shape.order()))) {
  if (shape.core > 1) core_ = hadamard(shape.core);
}

void HadamardRotation::apply(double* row, std::int64_t width) const {
  std::vector<double> space(core_.empty() ? 0 : static_cast<std::size_t>(run()));
  for (std::int64_t begin = 0; begin < width; begin += run()) {
    apply_sylvester(row + begin);
    if (!core_.empty()) apply_core(row + begin, space);
  }
  for (std::int64_t i = 0; i < width; ++i) row[i] *= scale_;
}

void HadamardRotation::apply_sylvester(double* run) const {
  const std::int64_t size = shape_.power * lanes_;
  for (std::int64_t part = 0; part < shape_.core; ++part, run += size) {
    for (std::int64_t half = lanes_; half < size; half *= 2) {
      for (std::int64_t begin = 0; begin < size; begin += 2 * half) {
        for (std::int64_t i = begin; i < begin + half; ++i) {
          const double a = run[i], b = run[i + half];
          run[i] = a + b;
          run[i + half] = a - b;
        }
      }
    }
  }
}

void HadamardRotation::apply_core(double* run, std::vector<double>& space) const {
  const std::int64_t size = shape_.power * lanes_;
  std::fill(space.begin(), space.end(), 0.0);
  for (std::int64_t i = 0; i < shape_.core; ++i) {
    double* out = space.data() + i * size;
    for (std::int64_t k = 0; k < shape_.core; ++k) {
      const double sign = core_[i * shape_.core + k];
      const double* in = run + k * size;
      for (std::int64_t at = 0; at < size; ++at) out[at] += sign * in[at];
    }
  }
  std::copy(space.begin(), space.end(), run);
}

OnlineTransform HadamardRotation::online() const {
  return {.kind = TransformKind::kHadamard, .left = shape_.core, .right = shape_.power, .lanes = lanes_};
}

RotationWork HadamardRotation::work() const {
  return {.levels = std::log2(static_cast<double>(shape_.power)),
          .core = shape_.core > 1 ? static_cast<double>(shape_.core) : 0};
}

at::Tensor HadamardRotation::online_core() const {
  at::Tensor left = at::empty({shape_.core, shape_.core}, at::kFloat);
  float* values = left.data_ptr<float>();
  for (std::int64_t i = 0; i < shape_.core; ++i) {
    for (std::int64_t k = 0; k < shape_.core; ++k) {
      values[k * shape_.core + i] = static_cast<float>(core_[i * shape_.core + k]);
    }
  }
  return left;
}

at::Tensor with_mapped_rows(at::Tensor matrix, const RowMap& map, ThreadPool* pool) {
  const at::Tensor mapped = target_for(matrix);
  for (std::int64_t begin = 0; begin < matrix.size(0); begin += kChunk) {
    const std::int64_t end = std::min(begin + kChunk, matrix.size(0));
    at::Tensor rows = matrix.slice(0, begin, end).to(at::kDouble, /*non_blocking=*/false, /*copy=*/true).contiguous();
    map_all_rows(rows, map, pool);
    mapped.slice(0, begin, end).copy_(rows);
  }
  return mapped;
}

at::Tensor with_mapped_columns(at::Tensor matrix, const RowMap& map, ThreadPool* pool) {
  const at::Tensor mapped = target_for(matrix);
  for (std::int64_t begin = 0; begin < matrix.size(1); begin += kChunk) {
    const std::int64_t end = std::min(begin + kChunk, matrix.size(1));
    at::Tensor rows = at::empty({end - begin, matrix.size(0)}, at::kDouble);
    rows.copy_(matrix.slice(1, begin, end).t());
    map_all_rows(rows, map, pool);
    mapped.slice(1, begin, end).copy_(rows.t());
  }
  return mapped;
}

at::Tensor mapped_vector(const at::Tensor& vector, const RowMap& map) {
  std::vector<double> values = doubles_of(vector);
  map(values.data(), static_cast<std::int64_t>(values.size()));
  return vector_tensor(values, vector);
}

LinearWeight with_mapped_inputs(LinearWeight weight, const RowMap& map, ThreadPool* pool) {
  weight.matrix = with_mapped_rows(std::get<at::Tensor>(std::move(weight.matrix)), map, pool);
  return weight;
}

LinearWeight with_mapped_outputs(LinearWeight weight, const RowMap& map, ThreadPool* pool) {
  weight.matrix = with_mapped_columns(std::get<at::Tensor>(std::move(weight.matrix)), map, pool);
  if (weight.bias) weight.bias = mapped_vector(*weight.bias, map);
  return weight;
}

std::optional<LinearSlot> slot_of(const std::string& name) {
  for (const LinearSlot slot : kLinearSlots) {
    if (name.ends_with(name_of(slot))) return slot;
  }
  return std::nullopt;
}

void require_no_transform(const ModelPlan& plan, Site site, const char* pass) {
  for (const BlockPlan& block : plan.blocks) {
    if (const auto& transform = block.at(site).transform) {
      throw Error::usage(fmt::format("{}: {}", pass, name_of(site)), "the transform " + to_string(*transform),
                         "a site without one");
    }
  }
}

void add_transform(ModelPlan& plan, Site site, const OnlineTransform& transform, const char* pass) {
  require_no_transform(plan, site, pass);
  for (BlockPlan& block : plan.blocks) block.at(site).transform = transform;
}

void RotatedView::hand_out(Site site, const HadamardRotation& rotation) {
  if (!rotation.online().left_is_tensor()) return;
  cores_.emplace(fmt::format(".{}.{}", name_of(site), kTransformLeft), rotation.online_core());
}

at::Tensor RotatedView::tensor(const std::string& name) const {
  for (const auto& [ending, core] : cores_) {
    if (name.ends_with(ending)) return core;
  }
  return source_.tensor(name);
}

}  // namespace qreason
