#include "quantize/module_loss.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <numeric>

#include "kernels/matmul.h"

namespace qreason {
namespace {

constexpr std::int64_t kTokens = 1024, kOutputs = 2048;  // at a time

double squared_distance(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

AttentionChange::AttentionChange(BlockVisit& block)
    : block_(block), before_(block.spare_store(block.config().hidden_size)) {}

void AttentionChange::take(std::int64_t sequence) {
  const auto index = static_cast<std::size_t>(sequence);
  before_.start(index).copy_(block_.read(Tap::kAttentionUpdate, sequence).tensor);
  before_.save(index);
}

void AttentionChange::of(std::span<const std::int64_t> sequences, std::span<double> changes) {
  for (const std::int64_t sequence : sequences) {
    const ActivationRows rows = block_.read(Tap::kAttentionUpdate, sequence);
    const float* before = before_.load(static_cast<std::size_t>(sequence)).const_data_ptr<float>();
    std::vector<double> sums(static_cast<std::size_t>(rows.count));
    block_.executor().run(rows.count, [&](std::int64_t row) {
      sums[row] = squared_distance(rows.data + row * rows.width, before + row * rows.width, rows.width);
    });
    changes[sequence] = std::accumulate(sums.begin(), sums.end(), 0.0);
  }
}

MlpChange::MlpChange(BlockVisit& block)
    : block_(block), width_(block.config().hidden_size), rows_(block.spare_store(2 * width_)) {}

void MlpChange::take(std::int64_t sequence) {
  const auto index = static_cast<std::size_t>(sequence);
  const at::Tensor rows = rows_.start(index);
  rows.narrow(1, 0, width_).copy_(block_.read(Tap::kMlpInput, sequence).tensor);
  rows.narrow(1, width_, width_).copy_(block_.read(Tap::kMlpUpdate, sequence).tensor);
  rows_.save(index);
}

void MlpChange::of(std::span<const std::int64_t> tokens, std::span<double> changes) {
  const std::int64_t most = std::min<std::int64_t>(kTokens, static_cast<std::int64_t>(tokens.size()));
  std::vector<float> kept(static_cast<std::size_t>(2 * most * width_)), now(static_cast<std::size_t>(most * width_));
  for (std::size_t first = 0; first < tokens.size(); first += static_cast<std::size_t>(most)) {
    const auto batch = tokens.subspan(first, std::min(tokens.size() - first, static_cast<std::size_t>(most)));
    const auto count = static_cast<std::int64_t>(batch.size());
    rows_.gather(batch, kept.data(), block_.executor());
    const at::Tensor rows = at::from_blob(kept.data(), {count, 2 * width_}, at::kFloat);
    block_.compute_mlp(Tap::kMlpUpdate, rows.narrow(1, 0, width_).contiguous(),
                       at::from_blob(now.data(), {count, width_}, at::kFloat));
    block_.executor().run(count, [&](std::int64_t i) {
      const float* before = kept.data() + (2 * i + 1) * width_;
      changes[batch[i]] = squared_distance(now.data() + i * width_, before, width_);
    });
  }
}

LinearChange::LinearChange(std::int64_t columns, std::int64_t tokens) : columns_(columns), tokens_(tokens) {
  if (!keeps_rows(columns, tokens)) gram_.assign(static_cast<std::size_t>(columns * columns), 0.0f);
}

void LinearChange::add(const ActivationRows& rows, Executor& executor) {
  if (!gram_.empty()) return accumulate_gram(rows.data, rows.count, columns_, 1.0f, gram_.data(), executor);
  const std::span values(rows.data, static_cast<std::size_t>(rows.count * columns_));
  rows_.push_back(PackedMatrix::from_float32(values, rows.count, columns_, &executor.pool()));
}

// e G e^T is the sum over blocks of columns b of (e_b G_bb + 2 sum of e_a G_ab over the blocks a before b) e_b^T: the
// blocks on the diagonal are made whole, those above it doubled, and what lies below is never read.
void LinearChange::finish(Executor& executor) {
  if (gram_.empty()) return;
  for (std::int64_t first = 0; first < columns_; first += kBlock) {
    const std::int64_t count = std::min(kBlock, columns_ - first);
    mirror_upper(gram_.data() + first * columns_ + first, count, columns_, executor);
    executor.run(first, [&](std::int64_t row) {
      float* values = gram_.data() + row * columns_ + first;
      for (std::int64_t j = 0; j < count; ++j) values[j] *= 2;
    });
  }
}

void LinearChange::of(const at::Tensor& before_matrix, const at::Tensor& now_matrix,
                      std::span<const std::int64_t> outputs, std::span<double> changes, Executor& executor) const {
  const float *before = before_matrix.const_data_ptr<float>(), *now = now_matrix.const_data_ptr<float>();
  const std::size_t most = std::min<std::size_t>(kOutputs, outputs.size());
  std::vector<float> error(most * static_cast<std::size_t>(columns_));
  std::vector<double> found(most);
  for (std::size_t begin = 0; begin < outputs.size(); begin += most) {
    const auto batch = outputs.subspan(begin, std::min(outputs.size() - begin, most));
    executor.run(static_cast<std::int64_t>(batch.size()), [&](std::int64_t i) {
      for (std::int64_t j = 0; j < columns_; ++j) {
        error[i * columns_ + j] = now[batch[i] * columns_ + j] - before[batch[i] * columns_ + j];
      }
    });
    const auto own = std::span(found).first(batch.size());
    if (gram_.empty()) {
      find_by_rows(error, own, executor);
    } else {
      find_by_gram(error, own, executor);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) changes[batch[i]] = own[i];
  }
}

void LinearChange::find_by_rows(const std::vector<float>& error, std::span<double> changes, Executor& executor) const {
  const auto count = static_cast<std::int64_t>(changes.size());
  std::fill(changes.begin(), changes.end(), 0.0);
  std::vector<float> product;
  for (const PackedMatrix& rows : rows_) {
    const std::int64_t tokens = rows.rows();
    product.resize(static_cast<std::size_t>(count * tokens));
    matmul(rows, {.x = error.data(), .rows = count, .x_stride = columns_, .y = product.data(), .y_stride = tokens},
           executor);
    executor.run(count, [&](std::int64_t i) {
      double sum = 0;
      for (std::int64_t at = i * tokens; at < (i + 1) * tokens; ++at) sum += double{product[at]} * double{product[at]};
      changes[i] += sum;
    });
  }
}

void LinearChange::find_by_gram(const std::vector<float>& error, std::span<double> changes, Executor& executor) const {
  const auto count = static_cast<std::int64_t>(changes.size());
  std::vector<float> product(static_cast<std::size_t>(count * columns_), 0.0f);
  for (std::int64_t first = 0; first < columns_; first += kBlock) {
    const std::int64_t width = std::min(kBlock, columns_ - first);
    subtract_product({.a = error.data(),
                      .a_stride = columns_,
                      .b = gram_.data() + first,
                      .b_stride = columns_,
                      .c = product.data() + first,
                      .c_stride = columns_,
                      .m = count,
                      .n = width,
                      .k = first + width},
                     executor);
  }
  executor.run(count, [&](std::int64_t i) {
    double sum = 0;
    for (std::int64_t at = i * columns_; at < (i + 1) * columns_; ++at) sum -= double{error[at]} * double{product[at]};
    changes[i] = sum;
  });
}

void mirror_upper(float* a, std::int64_t n, std::int64_t stride, Executor& executor) {
  constexpr std::int64_t kTile = 64;  // both sides of a tile stay in the cache
  executor.run((n + kTile - 1) / kTile, [&](std::int64_t tile) {
    const std::int64_t end = std::min(n, (tile + 1) * kTile);
    for (std::int64_t first = 0; first < end; first += kTile) {
      for (std::int64_t i = tile * kTile; i < end; ++i) {
        for (std::int64_t j = first; j < std::min(first + kTile, i); ++j) a[i * stride + j] = a[j * stride + i];
      }
    }
  });
}

}  // namespace qreason
