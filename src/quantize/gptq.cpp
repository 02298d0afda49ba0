#include "quantize/gptq.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "kernels/column_rounding.h"
#include "kernels/matmul.h"
#include "quantize/group_parameters.h"
#include "quantize/propagated_weights.h"

namespace qreason {
namespace {

constexpr std::int64_t kLanes = ColumnRounding::kRows;

class GptqRounding {
 public:
  GptqRounding(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor, const QuantFormat& format,
               const GptqOptions& options, Executor& executor)
      : weights_(weights),
        rows_(rows),
        columns_(factor.columns),
        factor_(factor),
        format_(format),
        options_(options),
        executor_(executor),
        grouping_(gptq_groups(static_cast<std::int64_t>(weights.size()), rows, factor, format, options)),
        group_size_(grouping_.size),
        groups_(grouping_.count) {
    // One group is found on the weights as they are, dead columns included; several on the weights without them.
    if (groups_ == 1) find_static_parameters(weights_.data());
    prepare_work();
    if (groups_ > 1 && options_.groups == GroupTiming::kStatic) {
      factor_.dead_columns == 0 ? find_static_parameters(weights_.data())
                                : find_static_parameters(without_dead_columns().data());
    }
    if (parameters_.empty()) parameters_.resize(static_cast<std::size_t>(rows_ * groups_));
    codes_.resize(static_cast<std::size_t>(rows_ * columns_));
  }

  GptqResult run() {
    std::vector<float> difference(static_cast<std::size_t>(rows_ * options_.block_columns));
    const std::int64_t tiles = (rows_ + kLanes - 1) / kLanes;
    std::vector<double> loss(static_cast<std::size_t>(tiles), 0.0), clipped(static_cast<std::size_t>(tiles), 0.0);
    for (std::int64_t begin = 0; begin < columns_; begin += options_.block_columns) {
      const std::int64_t end = std::min(columns_, begin + options_.block_columns);
      if (grouping_.dynamic) find_dynamic_parameters(begin, end);
      add_drift(begin, end, begin, end);
      executor_.run(tiles, [&](std::int64_t tile) {
        const TileSums sums = round_tile(tile * kLanes, begin, end, difference);
        loss[tile] += sums.loss;
        clipped[tile] += sums.clipped;
      });
      if (end == columns_) break;
      // w' += (w - q) F, the whole block at once.
      subtract_product({.a = difference.data(),
                        .a_stride = options_.block_columns,
                        .b = factor_.feedback.data() + begin * columns_ + end,
                        .b_stride = columns_,
                        .c = work_.data() + end,
                        .c_stride = columns_,
                        .m = rows_,
                        .n = columns_ - end,
                        .k = end - begin},
                       executor_);
      add_drift(begin, end, end, columns_);
    }
    return collect(loss, clipped);
  }

 private:
  struct TileSums {
    double loss, clipped;
  };

  // The weights in rounding order, zero in dead columns.
  void prepare_work() {
    original_.resize(weights_.size());
    work_.resize(weights_.size());
    executor_.run(rows_, [&](std::int64_t row) {
      const float* from = weights_.data() + row * columns_;
      for (std::int64_t i = 0; i < columns_; ++i) {
        const std::int64_t column = factor_.order[i];
        const float weight = factor_.dead[column] ? 0.0f : from[column];
        original_[row * columns_ + i] = work_[row * columns_ + i] = weight;
      }
    });
  }

  std::vector<float> without_dead_columns() const {
    std::vector<float> alive(weights_.begin(), weights_.end());
    for (std::int64_t row = 0; row < rows_; ++row) {
      for (std::int64_t j = 0; j < columns_; ++j) {
        if (factor_.dead[j]) alive[row * columns_ + j] = 0.0f;
      }
    }
    return alive;
  }

  void find_static_parameters(const float* weights) {
    parameters_ = find_all_parameters(weights, rows_, columns_, group_size_, format_, executor_);
  }

  // Groups whose first column lies in [begin, end), on the weights as updated by the blocks before.
  void find_dynamic_parameters(std::int64_t begin, std::int64_t end) {
    const std::int64_t first = (begin + group_size_ - 1) / group_size_ * group_size_;
    if (first >= end) return;
    const std::int64_t last = (end - 1) / group_size_ * group_size_ + group_size_, width = last - begin;
    const std::vector<float> weights = propagated_weights(
        factor_, {.original = original_.data(), .work = work_.data(), .rows = rows_, .begin = begin, .end = last},
        executor_);
    executor_.run(rows_, [&](std::int64_t row) {
      for (std::int64_t column = first; column < last; column += group_size_) {
        const std::span group(weights.data() + row * width + column - begin, static_cast<std::size_t>(group_size_));
        parameters_[row * groups_ + column / group_size_] = find_parameters_fast(group, format_);
      }
    });
  }

  // w' += w A: what the original weights of columns [begin, end) owe to the columns [first, last).
  void add_drift(std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last) {
    if (factor_.drift.empty()) return;
    subtract_product({.a = original_.data() + begin,
                      .a_stride = columns_,
                      .b = factor_.drift.data() + begin * columns_ + first,
                      .b_stride = columns_,
                      .c = work_.data() + first,
                      .c_stride = columns_,
                      .m = rows_,
                      .n = last - first,
                      .k = end - begin},
                     executor_);
  }

  TileSums round_tile(std::int64_t first_row, std::int64_t begin, std::int64_t end, std::vector<float>& difference) {
    const std::int64_t count = end - begin, lanes = std::min(kLanes, rows_ - first_row);
    // Lanes without a row round zeros with scale 1.
    std::vector<float> buffer(static_cast<std::size_t>(6 * count * kLanes), 0.0f);
    float* original = buffer.data();
    float* current = original + count * kLanes;
    float* scales = current + count * kLanes;
    float* zeros = scales + count * kLanes;
    float* codes = zeros + count * kLanes;
    float* change = codes + count * kLanes;
    std::fill_n(scales, count * kLanes, 1.0f);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t row = first_row + lane;
      for (std::int64_t j = 0; j < count; ++j) {
        const std::int64_t at = j * kLanes + lane, from = row * columns_ + begin + j;
        const GroupParameters& group = parameters_[row * groups_ + grouping_.of_position[begin + j]];
        original[at] = original_[from];
        current[at] = work_[from];
        scales[at] = group.scale;
        zeros[at] = group.zero;
      }
    }
    float loss[kLanes], clipped[kLanes];
    const auto highest = static_cast<float>(format_.max_code());
    round_columns({.columns = count,
                   .original = original,
                   .current = current,
                   .scales = scales,
                   .zeros = zeros,
                   .feedback = factor_.feedback.data() + begin * columns_ + begin,
                   .feedback_stride = columns_,
                   .pivots = factor_.pivots.data() + begin,
                   .lowest = format_.symmetry == Symmetry::kSymmetric ? -highest - 1 : 0.0f,
                   .highest = highest,
                   .codes = codes,
                   .difference = change,
                   .loss = loss,
                   .clipped = clipped});
    TileSums sums{0, 0};
    const auto offset = static_cast<float>(format_.code_offset());
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t row = first_row + lane;
      sums.loss += loss[lane];
      sums.clipped += clipped[lane];
      for (std::int64_t j = 0; j < count; ++j) {
        codes_[row * columns_ + factor_.order[begin + j]] =
            static_cast<std::uint8_t>(codes[j * kLanes + lane] + offset);
        difference[row * options_.block_columns + j] = change[j * kLanes + lane];
      }
    }
    return sums;
  }

  GptqResult collect(const std::vector<double>& loss, const std::vector<double>& clipped) {
    GptqResult result;
    for (std::size_t tile = 0; tile < loss.size(); ++tile) {
      if (!std::isfinite(loss[tile])) {
        const auto first = static_cast<std::int64_t>(tile) * kLanes;
        refuse_loss(weights_, columns_, first, std::min(rows_, first + kLanes));
      }
      result.loss += loss[tile] / 2;
      result.clipped += static_cast<std::int64_t>(clipped[tile]);
    }
    result.matrix = gptq_matrix(grouping_, factor_, format_, std::move(codes_), parameters_);
    return result;
  }

  std::span<const float> weights_;
  std::int64_t rows_, columns_;
  const GptqFactor& factor_;
  const QuantFormat& format_;
  GptqOptions options_;
  Executor& executor_;
  GptqGroups grouping_;
  std::int64_t group_size_, groups_;
  std::vector<float> original_, work_;       // [rows, columns], rounding order
  std::vector<GroupParameters> parameters_;  // [rows, groups]
  std::vector<std::uint8_t> codes_;          // [rows, columns], stored order
};

}  // namespace

GptqGroups gptq_groups(std::int64_t weights, std::int64_t rows, const GptqFactor& factor, const QuantFormat& format,
                       const GptqOptions& options) {
  const std::int64_t columns = factor.columns;
  if (weights != rows * columns) {
    throw Error("GPTQ", fmt::format("{} weights for {} rows and a Hessian of {} columns", weights, rows, columns),
                "rows * columns of them");
  }
  if (format.granularity == Granularity::kGroup && (format.group_size <= 0 || columns % format.group_size != 0)) {
    throw Error("GPTQ", fmt::format("groups of {} in {} columns", format.group_size, columns),
                "a divisor of the columns");
  }
  if (options.block_columns <= 0) {
    throw Error("GPTQ", fmt::format("blocks of {} columns", options.block_columns), "a positive number");
  }
  GptqGroups groups;
  groups.size = group_size_of(format, columns);
  groups.count = columns / groups.size;
  groups.dynamic = groups.count > 1 && options.groups == GroupTiming::kDynamic;
  groups.of_position.resize(static_cast<std::size_t>(columns));
  for (std::int64_t i = 0; i < columns; ++i) {
    groups.of_position[i] = (groups.dynamic ? i : factor.order[i]) / groups.size;
  }
  return groups;
}

QuantizedMatrix gptq_matrix(const GptqGroups& groups, const GptqFactor& factor, const QuantFormat& format,
                            std::vector<std::uint8_t> codes, std::span<const GroupParameters> parameters) {
  QuantizedMatrix matrix;
  matrix.format = format;
  matrix.rows = static_cast<std::int64_t>(codes.size()) / factor.columns;
  matrix.columns = factor.columns;
  matrix.groups = groups.count;
  matrix.group_size = groups.size;
  matrix.codes = std::move(codes);
  for (const GroupParameters& group : parameters) {
    matrix.scales.push_back(group.scale);
    if (format.symmetry == Symmetry::kAsymmetric) matrix.zeros.push_back(static_cast<std::uint8_t>(group.zero));
  }
  if (groups.dynamic && !std::is_sorted(factor.order.begin(), factor.order.end())) {
    matrix.group_index.resize(static_cast<std::size_t>(factor.columns));
    for (std::int64_t i = 0; i < factor.columns; ++i) {
      matrix.group_index[factor.order[i]] = static_cast<std::int32_t>(i / groups.size);
    }
  }
  return matrix;
}

void refuse_loss(std::span<const float> weights, std::int64_t columns, std::int64_t first, std::int64_t last) {
  for (std::int64_t at = first * columns; at < last * columns; ++at) {
    if (std::isfinite(weights[at])) continue;
    throw Error("GPTQ", fmt::format("the weight {} at [{}, {}]", weights[at], at / columns, at % columns),
                "finite weights");
  }
  throw Error("GPTQ", fmt::format("a loss that is not finite in rows {} to {}", first, last - 1),
              "inputs and weights whose products fit into float32");
}

GptqResult round_gptq(std::span<const float> weights, std::int64_t rows, const GptqFactor& factor,
                      const QuantFormat& format, const GptqOptions& options, Executor& executor) {
  return GptqRounding(weights, rows, factor, format, options, executor).run();
}

}  // namespace qreason
