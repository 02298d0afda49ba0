#include "quantize/tensors/tensor_columns.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/round.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/interrupt.h"
#include "model/tensor_quantizer.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

// Columns are rows here, so that each lies in one piece.
class ColumnLoop {
 public:
  ColumnLoop(const at::Tensor& weights, const GptqFactor& facts, const GptqMatrices& matrices,
             const QuantFormat& format, const GptqOptions& options)
      : weights_(weights),
        facts_(facts),
        matrices_(matrices),
        format_(format),
        options_(options),
        groups_(gptq_groups(weights.numel(), weights.size(0), facts, format, options)),
        highest_(format.max_code()),
        lowest_(format.symmetry == Symmetry::kSymmetric ? -(highest_ + 1) : 0) {
    original_ = ordered_columns(weights, matrices).t().contiguous();
    work_ = original_.clone();
    codes_ = at::empty_like(work_);
    losses_ = at::zeros({weights.size(0)}, work_.options().dtype(at::kDouble));
    clipped_ = at::zeros({}, work_.options().dtype(at::kLong));
    of_position_ = at::tensor(groups_.of_position, at::kLong).to(work_.device());
    scales_ = at::empty({groups_.count, weights.size(0)}, work_.options());
    zeros_ = at::empty_like(scales_);
    if (!groups_.dynamic) find_static_parameters();
  }

  GptqResult run() {
    for (std::int64_t begin = 0; begin < facts_.columns; begin += options_.block_columns) {
      check_interrupt();
      const std::int64_t end = std::min(facts_.columns, begin + options_.block_columns);
      if (groups_.dynamic) find_dynamic_parameters(begin, end);
      add_drift(begin, end, begin, end);
      const at::Tensor change = round_block(begin, end);
      if (end == facts_.columns) break;
      const at::Tensor behind = matrices_.feedback.narrow(0, begin, end - begin).slice(1, end);
      work_.slice(0, end).sub_(at::matmul(behind.t(), change));
      add_drift(begin, end, end, facts_.columns);
    }
    return collect();
  }

 private:
  void set_parameters(std::int64_t first, const at::Tensor& runs) {  // [out, groups, size]
    const RunParameters found = find_run_parameters(runs, format_);
    scales_.narrow(0, first, runs.size(1)).copy_(found.scale.squeeze(-1).t());
    zeros_.narrow(0, first, runs.size(1)).copy_(found.zero.squeeze(-1).t());
  }

  // One group is found on the weights as they are, dead columns included; several on the weights without them.
  void find_static_parameters() {
    at::Tensor weights = weights_.to(work_.device());
    if (groups_.count > 1) weights = weights.masked_fill(matrices_.dead, 0);
    set_parameters(0, weights.unflatten(-1, {groups_.count, groups_.size}));
  }

  // Groups whose first column lies in [begin, end), on the weights as the published loop has them then
  // (quantize/propagated_weights.h).
  void find_dynamic_parameters(std::int64_t begin, std::int64_t end) {
    const std::int64_t first = (begin + groups_.size - 1) / groups_.size, last = (end - 1) / groups_.size + 1;
    if (first * groups_.size >= end) return;
    const std::int64_t count = last * groups_.size - begin;
    const at::Tensor original = original_.narrow(0, begin, count);
    const at::Tensor feedback = matrices_.feedback.narrow(0, begin, count).narrow(1, begin, count);
    const at::Tensor updates =
        at::linalg_solve_triangular(feedback.t(), work_.narrow(0, begin, count) - original, false, true, true);
    const at::Tensor found = (original + updates).slice(0, first * groups_.size - begin).t();
    set_parameters(first, found.unflatten(-1, {last - first, groups_.size}));
  }

  // w' += w A: what the original weights of columns [begin, end) owe to the columns [first, last).
  void add_drift(std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last) {
    if (!matrices_.drift.defined()) return;
    const at::Tensor drift = matrices_.drift.narrow(0, begin, end - begin).narrow(1, first, last - first);
    work_.narrow(0, first, last - first).sub_(at::matmul(drift.t(), original_.narrow(0, begin, end - begin)));
  }

  // Rounds the columns [begin, end) one after the other; how far they have moved from the original weights.
  at::Tensor round_block(std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    const at::Tensor original = original_.narrow(0, begin, count), current = work_.narrow(0, begin, count);
    const at::Tensor groups = of_position_.narrow(0, begin, count);
    const at::Tensor scales = scales_.index_select(0, groups), zeros = zeros_.index_select(0, groups);
    const at::Tensor feedback = matrices_.feedback.narrow(0, begin, count).narrow(1, begin, count);
    at::Tensor change = at::empty_like(original);
    for (std::int64_t j = 0; j < count; ++j) {
      at::Tensor moved = change.select(0, j);
      const at::Tensor zero = zeros.select(0, j), scale = scales.select(0, j);
      const at::Tensor codes = at::round(current.select(0, j) / scale).add_(zero).clamp_(lowest_, highest_);
      at::sub_out(moved, codes.sub_(zero).mul_(scale), original.select(0, j));
      if (j + 1 < count) current.slice(0, j + 1).addr_(feedback.select(0, j).slice(0, j + 1), moved, 1, -1);
    }
    const at::Tensor wanted = at::round(current / scales).add_(zeros), codes = at::clamp(wanted, lowest_, highest_);
    codes_.narrow(0, begin, count).copy_(codes);
    clipped_ += (codes != wanted).sum();
    const at::Tensor rest = current - original - change;
    losses_ += (rest.square_() * matrices_.pivots.narrow(0, begin, count).unsqueeze(-1)).sum(0, false, at::kDouble);
    return change;
  }

  GptqResult collect() {
    const std::vector<double> losses = host_doubles(losses_);
    const std::span weights(weights_.const_data_ptr<float>(), static_cast<std::size_t>(weights_.numel()));
    GptqResult result;
    for (std::size_t row = 0; row < losses.size(); ++row) {
      const auto at = static_cast<std::int64_t>(row);
      if (!std::isfinite(losses[row])) refuse_loss(weights, facts_.columns, at, at + 1);
      result.loss += losses[row] / 2;
    }
    result.clipped = clipped_.item<std::int64_t>();
    const at::Tensor stored = at::empty_like(codes_).index_copy_(0, matrices_.order, codes_);
    const at::Tensor codes = (stored.t() + format_.code_offset()).to(at::kByte).contiguous().cpu();
    const std::vector<float> scales = host_floats(scales_.t()), zeros = host_floats(zeros_.t());
    std::vector<GroupParameters> parameters;
    for (std::size_t i = 0; i < scales.size(); ++i) parameters.push_back({.scale = scales[i], .zero = zeros[i]});
    const std::uint8_t* first = codes.const_data_ptr<std::uint8_t>();
    result.matrix = gptq_matrix(groups_, facts_, format_, {first, first + codes.numel()}, parameters);
    return result;
  }

  const at::Tensor& weights_;
  const GptqFactor& facts_;
  const GptqMatrices& matrices_;
  const QuantFormat& format_;
  const GptqOptions& options_;
  GptqGroups groups_;
  double highest_, lowest_;
  at::Tensor original_, work_, codes_;  // [columns, out], rounding order
  at::Tensor scales_, zeros_;           // [groups, out]
  at::Tensor of_position_;              // int64 [columns]
  at::Tensor losses_, clipped_;         // [out], []
};

}  // namespace

at::Tensor ordered_columns(const at::Tensor& weights, const GptqMatrices& matrices) {
  return weights.to(matrices.order.device()).masked_fill(matrices.dead, 0).index_select(1, matrices.order);
}

GptqResult round_columns_there(const at::Tensor& weights, const GptqFactor& facts, const GptqMatrices& matrices,
                               const QuantFormat& format, const GptqOptions& options) {
  return ColumnLoop(weights, facts, matrices, format, options).run();
}

}  // namespace qreason
