#include "quantize/awq_clips.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "formats/quantized_matrix.h"
#include "kernels/matmul.h"
#include "quantize/module_loss.h"

namespace qreason {
namespace {

constexpr std::int64_t kSearchedAtOnce = 1 << 24;  // weights

// The Gram matrices of the groups, one after the other, each [size, size]; the last group may be shorter.
class GroupGrams {
 public:
  GroupGrams(const SampledRows& inputs, std::int64_t size, Executor& executor) : size_(size), width_(inputs.width) {
    values_.resize(static_cast<std::size_t>(groups() * size * size), 0.0f);
    std::vector<float> columns(static_cast<std::size_t>(inputs.count * size));
    for (std::int64_t group = 0; group < groups(); ++group) {
      const std::int64_t count = size_of(group);
      for (std::int64_t row = 0; row < inputs.count; ++row) {
        std::copy_n(inputs.values.const_data_ptr<float>() + row * width_ + group * size, count,
                    columns.data() + row * count);
      }
      accumulate_gram(columns.data(), inputs.count, count, 1.0f, block(group), executor);
      mirror_upper(block(group), count, count, executor);
    }
  }
  std::int64_t width() const { return width_; }
  std::int64_t groups() const { return (width_ + size_ - 1) / size_; }
  std::int64_t size_of(std::int64_t group) const { return std::min(size_, width_ - group * size_); }
  float* block(std::int64_t group) { return values_.data() + group * size_ * size_; }
  const float* block(std::int64_t group) const { return values_.data() + group * size_ * size_; }

 private:
  std::int64_t size_, width_;
  std::vector<float> values_;
};

void append(const GroupClips& some, GroupClips& all) {
  all.rows += some.rows;
  all.bounds.insert(all.bounds.end(), some.bounds.begin(), some.bounds.end());
  all.shrunk += some.shrunk;
  all.zero_groups += some.zero_groups;
  all.failed_groups += some.failed_groups;
}

void require_finite(const at::Tensor& tensor, const char* what) {
  const std::span values(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
  if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  throw Error("clip search", fmt::format("{} that are not finite", what), "finite ones");
}

// Of some rows of the weights.
class Searcher {
 public:
  Searcher(std::span<const float> weights, const GroupGrams& grams, const QuantFormat& format, Executor& executor)
      : weights_(weights),
        columns_(grams.width()),
        rows_(static_cast<std::int64_t>(weights.size()) / grams.width()),
        format_(format),
        executor_(executor),
        grams_(grams) {
    clips_ = {.rows = rows_, .groups = grams_.groups(), .group_size = group_size_of(format, columns_)};
    find_magnitudes();
    clips_.bounds = magnitudes_;
    least_.assign(magnitudes_.size(), std::numeric_limits<double>::infinity());
  }

  void try_factor(float factor) {
    GroupClips candidate = clips_;
    for (std::size_t i = 0; i < magnitudes_.size(); ++i) candidate.bounds[i] = factor * magnitudes_[i];
    const std::vector<float> errors = errors_of(candidate);
    std::vector<float> products(errors.size(), 0.0f);
    for (std::int64_t group = 0; group < clips_.groups; ++group) multiply(group, errors, products);
    executor_.run(rows_, [&](std::int64_t row) {
      for (std::int64_t group = 0; group < clips_.groups; ++group) {
        const std::int64_t slot = row * clips_.groups + group;
        const double error = energy(row, group, errors, products);
        if (!(error < least_[slot])) continue;
        least_[slot] = error;
        clips_.bounds[slot] = candidate.bounds[slot];
      }
    });
  }

  GroupClips finish() {
    for (std::size_t i = 0; i < magnitudes_.size(); ++i) {
      clips_.shrunk += clips_.bounds[i] < magnitudes_[i] ? 1 : 0;
      clips_.zero_groups += magnitudes_[i] == 0 ? 1 : 0;
      clips_.failed_groups += std::isfinite(least_[i]) ? 0 : 1;
    }
    return std::move(clips_);
  }

 private:
  void find_magnitudes() {
    magnitudes_.resize(static_cast<std::size_t>(rows_ * clips_.groups));
    executor_.run(rows_, [&](std::int64_t row) {
      const float* w = weights_.data() + row * columns_;
      for (std::int64_t group = 0; group < clips_.groups; ++group) {
        float largest = 0;
        for (std::int64_t j = 0; j < grams_.size_of(group); ++j) largest = std::max(largest, std::abs(*w++));
        magnitudes_[row * clips_.groups + group] = largest;
      }
    });
  }

  // w' - w
  std::vector<float> errors_of(const GroupClips& candidate) const {
    std::vector<float> values(weights_.begin(), weights_.end());
    clamp_groups(values, candidate, executor_);
    const QuantizedMatrix matrix = round_to_nearest(values, rows_, columns_, format_, &executor_.pool());
    executor_.run(rows_, [&](std::int64_t row) {
      const std::span<float> out(values.data() + row * columns_, static_cast<std::size_t>(columns_));
      dequantize_row(matrix, row, out);
      for (std::int64_t j = 0; j < columns_; ++j) out[j] -= weights_[row * columns_ + j];
    });
    return values;
  }

  void multiply(std::int64_t group, const std::vector<float>& errors, std::vector<float>& products) const {
    const std::int64_t first = group * clips_.group_size, size = grams_.size_of(group);
    subtract_product({.a = errors.data() + first,
                      .a_stride = columns_,
                      .b = grams_.block(group),
                      .b_stride = size,
                      .c = products.data() + first,
                      .c_stride = columns_,
                      .m = rows_,
                      .n = size,
                      .k = size},
                     executor_);
  }

  // products are the negative ones.
  double energy(std::int64_t row, std::int64_t group, const std::vector<float>& errors,
                const std::vector<float>& products) const {
    const std::int64_t first = row * columns_ + group * clips_.group_size;
    double sum = 0;
    for (std::int64_t i = first; i < first + grams_.size_of(group); ++i) sum -= double{errors[i]} * double{products[i]};
    return sum;
  }

  std::span<const float> weights_;
  std::int64_t columns_, rows_;
  const QuantFormat& format_;
  Executor& executor_;
  const GroupGrams& grams_;
  GroupClips clips_;               // the best so far
  std::vector<float> magnitudes_;  // [rows, groups]
  std::vector<double> least_;
};

}  // namespace

std::int64_t ClipSearch::tries() const {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(largest_shrink * static_cast<double>(steps)));
}

SampledRows sample_rows(BlockView& block, Site site, std::int64_t tokens) {
  const std::int64_t stride = std::max<std::int64_t>(1, block.tokens() / tokens);
  // Inputs of the last linear are computed of the sampled rows alone.
  const bool middle = site == Site::kMlpMiddle;
  std::vector<at::Tensor> taken;
  std::int64_t next = 0, begin = 0;  // the next row that is taken, the first one of the sequence
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const std::int64_t end = begin + block.length(sequence);
    if (next < end) {
      const ActivationRows rows = block.read(middle ? Tap::kMlpInput : tap_of(site), sequence);
      taken.push_back(rows.tensor.slice(0, next - begin, rows.count, stride).clone());
      next += taken.back().size(0) * stride;
    }
    begin = end;
  }
  const at::Tensor rows = at::cat(taken);
  if (!middle) return {.count = rows.size(0), .width = rows.size(1), .values = rows};
  const at::Tensor inner = at::empty({rows.size(0), block.config().intermediate_size}, rows.options());
  block.compute_mlp(Tap::kMlpMiddle, rows, inner);
  return {.count = inner.size(0), .width = inner.size(1), .values = inner};
}

GroupClips search_clips(std::span<const float> weights, const SampledRows& inputs, const QuantFormat& format,
                        const ClipSearch& search, Executor& executor) {
  require_finite(inputs.values, "inputs");
  const GroupGrams grams(inputs, group_size_of(format, inputs.width), executor);
  const std::int64_t rows = static_cast<std::int64_t>(weights.size()) / inputs.width;
  const std::int64_t step = std::max<std::int64_t>(1, kSearchedAtOnce / inputs.width);
  GroupClips all{.rows = 0, .groups = grams.groups(), .group_size = group_size_of(format, inputs.width)};
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = std::min(step, rows - first);
    Searcher searcher(weights.subspan(first * inputs.width, count * inputs.width), grams, format, executor);
    for (std::int64_t i = 0; i < search.tries(); ++i) {
      searcher.try_factor(static_cast<float>(1.0 - static_cast<double>(i) / static_cast<double>(search.steps)));
    }
    append(searcher.finish(), all);
  }
  return all;
}

void clamp_groups(std::span<float> weights, const GroupClips& clips, Executor& executor) {
  const std::int64_t columns = static_cast<std::int64_t>(weights.size()) / clips.rows;
  executor.run(clips.rows, [&](std::int64_t row) {
    float* first = weights.data() + row * columns;
    for (std::int64_t group = 0; group < clips.groups; ++group) {
      const float bound = clips.bounds[row * clips.groups + group];
      float* const end = weights.data() + std::min((row + 1) * columns, row * columns + (group + 1) * clips.group_size);
      for (; first != end; ++first) *first = std::clamp(*first, -bound, bound);
    }
  });
}

}  // namespace qreason
