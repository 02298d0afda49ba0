#include "quantize/module_loss.h"

#include <algorithm>
#include <numeric>

#include "kernels/matmul.h"

namespace qreason {
namespace {

// Sum over rows of term(row), rows in parallel, their sums in order.
template <class Term>
double sum_of_rows(std::int64_t rows, Executor& executor, Term&& term) {
  std::vector<double> sums(static_cast<std::size_t>(rows));
  executor.run(rows, [&](std::int64_t row) { sums[row] = term(row); });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double squared_distance(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

OutputLoss::OutputLoss(BlockVisit& block, Tap tap) : tap_(tap) {
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const ActivationRows rows = block.read(tap, sequence);
    before_.emplace_back(rows.data, rows.data + rows.count * rows.width);
  }
}

double OutputLoss::now(BlockVisit& block) const {
  double sum = 0, values = 0;
  for (std::size_t sequence = 0; sequence < before_.size(); ++sequence) {
    const ActivationRows rows = block.read(tap_, static_cast<std::int64_t>(sequence));
    const float* before = before_[sequence].data();
    sum += sum_of_rows(rows.count, block.executor(), [&](std::int64_t row) {
      return squared_distance(rows.data + row * rows.width, before + row * rows.width, rows.width);
    });
    values += static_cast<double>(before_[sequence].size());
  }
  return sum / values;
}

InputGram::InputGram(std::int64_t columns)
    : columns_(columns), gram_(static_cast<std::size_t>(columns * columns), 0.0f) {}

void InputGram::add(const ActivationRows& rows, Executor& executor) {
  accumulate_gram(rows.data, rows.count, columns_, 1.0f, gram_.data(), executor);
  tokens_ += rows.count;
}

void InputGram::finish(Executor& executor) {
  mirror_upper(gram_.data(), columns_, executor);
}

double InputGram::loss(std::span<const float> before, std::span<const float> now, Executor& executor) const {
  const std::int64_t outputs = static_cast<std::int64_t>(before.size()) / columns_;
  std::vector<float> error(before.size()), product(before.size(), 0.0f);
  executor.run(outputs, [&](std::int64_t row) {
    for (std::int64_t i = row * columns_; i < (row + 1) * columns_; ++i) error[i] = now[i] - before[i];
  });
  subtract_product({.a = error.data(),
                    .a_stride = columns_,
                    .b = gram_.data(),
                    .b_stride = columns_,
                    .c = product.data(),
                    .c_stride = columns_,
                    .m = outputs,
                    .n = columns_,
                    .k = columns_},
                   executor);
  const double sum = sum_of_rows(outputs, executor, [&](std::int64_t row) {
    double terms = 0;
    for (std::int64_t i = row * columns_; i < (row + 1) * columns_; ++i) terms -= double{error[i]} * double{product[i]};
    return terms;
  });
  return sum / (static_cast<double>(tokens_) * static_cast<double>(outputs));
}

void mirror_upper(float* a, std::int64_t n, Executor& executor) {
  constexpr std::int64_t kTile = 64;  // both sides of a tile stay in the cache
  executor.run((n + kTile - 1) / kTile, [&](std::int64_t tile) {
    const std::int64_t end = std::min(n, (tile + 1) * kTile);
    for (std::int64_t first = 0; first < end; first += kTile) {
      for (std::int64_t i = tile * kTile; i < end; ++i) {
        for (std::int64_t j = first; j < std::min(first + kTile, i); ++j) a[i * n + j] = a[j * n + i];
      }
    }
  });
}

}  // namespace qreason
