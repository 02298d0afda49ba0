// GPTQ on the linears of one block of the 1.5B shape (hidden 1536, 12 query and 2 key/value heads of 128, intermediate
// 8960): seconds for Hessians, factors and rounding, seconds per billion weights, peak memory. The same work in
// PyTorch: bench/quantize_reference.py. The result's loss is checked against a plain double sum before anything is
// measured.
//   bench_quantize [threads] [sequences of 2048 tokens]
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/random.h"
#include "quantize/gptq.h"

namespace {

using namespace qreason;

constexpr std::int64_t kTokens = 2048, kHidden = 1536, kKeyValue = 256, kIntermediate = 8960;

struct Stage {
  const char* name;
  std::int64_t columns;
  std::vector<std::int64_t> rows;  // of the linears that share the inputs
};

const std::vector<Stage> kStages{{"k, v, q", kHidden, {kKeyValue, kKeyValue, kHidden}},
                                 {"o", kHidden, {kHidden}},
                                 {"up, gate", kHidden, {kIntermediate, kIntermediate}},
                                 {"down", kIntermediate, {kHidden}}};

class Clock {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// Sums of three uniforms; every eighth column ten times larger, as outlier channels are.
std::vector<float> numbers(std::int64_t rows, std::int64_t columns, std::uint64_t seed, float spread) {
  std::vector<float> values(static_cast<std::size_t>(rows * columns));
  MersenneTwister random(static_cast<std::uint32_t>(seed));
  const auto uniform = [&] { return static_cast<float>(random.next_u32()) * 0x1p-32f; };
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      values[r * columns + c] = spread * (uniform() + uniform() + uniform() - 1.5f) * (c % 8 == 0 ? 10.0f : 1.0f);
    }
  }
  return values;
}

// 2 * loss = tr(E (H + damping) E^T), summed in double.
bool loss_is_right(Executor& executor) {
  const std::int64_t rows = 8, columns = 192, tokens = 400;
  const std::vector<float> x = numbers(tokens, columns, 1, 1.0f), w = numbers(rows, columns, 2, 0.02f);
  Hessian hessian(columns, 1);
  hessian.add(x.data(), tokens, executor);
  const std::vector<float> h = hessian.upper();
  const GptqFactor factor = factorize(std::move(hessian), ColumnOrder::kByActivation, {}, "check", executor);
  const GptqResult result = round_gptq(w, rows, factor, parse_quant_format("w4g64-asym-mse"), {}, executor);
  double mean = 0, sum = 0;
  for (std::int64_t j = 0; j < columns; ++j) mean += h[j * columns + j] / static_cast<double>(columns);
  std::vector<float> q(static_cast<std::size_t>(columns));
  for (std::int64_t r = 0; r < rows; ++r) {
    dequantize_row(result.matrix, r, q);
    for (std::int64_t i = 0; i < columns; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const double entry = h[std::min(i, j) * columns + std::max(i, j)] + (i == j ? 0.01 * mean : 0.0);
        sum += entry * (double{w[r * columns + i]} - q[i]) * (double{w[r * columns + j]} - q[j]);
      }
    }
  }
  return std::abs(sum / 2 - result.loss) < 1e-3 * result.loss;
}

struct Seconds {
  double hessian = 0, factor = 0, rounding = 0;
  double total() const { return hessian + factor + rounding; }
};

Seconds measure(const Stage& stage, std::int64_t sequences, Executor& executor) {
  const std::vector<float> x = numbers(kTokens, stage.columns, 3, 1.0f);
  Clock clock;
  Seconds seconds;
  Hessian hessian(stage.columns, sequences);
  for (std::int64_t s = 0; s < sequences; ++s) hessian.add(x.data(), kTokens, executor);
  seconds.hessian = clock.lap();
  const GptqFactor factor = factorize(std::move(hessian), ColumnOrder::kByActivation, {}, stage.name, executor);
  seconds.factor = clock.lap();
  for (const std::int64_t rows : stage.rows) {
    const std::vector<float> w = numbers(rows, stage.columns, 4, 0.02f);
    clock.lap();
    round_gptq(w, rows, factor, parse_quant_format("w4g128-asym-mse"), {}, executor);
    seconds.rounding += clock.lap();
  }
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2;
  const std::int64_t sequences = argc > 2 ? std::atoll(argv[2]) : 16;
  if (threads < 1 || sequences < 1) return 2;
  Executor executor(threads);
  if (!loss_is_right(executor)) {
    fmt::print(stderr, "the loss differs from a plain sum\n");
    return 1;
  }
  fmt::print("w4g128, MSE search, act-order; {} x {} tokens, {} threads\n", sequences, kTokens, threads);
  fmt::print("{:10} {:>9} {:>8} {:>9} {:>8}   Hessian GFLOP/s\n", "linears", "Hessian", "factor", "rounding", "all");
  Seconds all;
  double weights = 0;
  for (const Stage& stage : kStages) {
    const Seconds seconds = measure(stage, sequences, executor);
    const double flops = static_cast<double>(sequences * kTokens) * static_cast<double>(stage.columns * stage.columns);
    fmt::print("{:10} {:8.2f}s {:7.2f}s {:8.2f}s {:7.2f}s   {:.0f}\n", stage.name, seconds.hessian, seconds.factor,
               seconds.rounding, seconds.total(), flops / seconds.hessian / 1e9);
    all.hessian += seconds.hessian;
    all.factor += seconds.factor;
    all.rounding += seconds.rounding;
    for (const std::int64_t rows : stage.rows) weights += static_cast<double>(rows * stage.columns);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{:10} {:8.2f}s {:7.2f}s {:8.2f}s {:7.2f}s\n", "block", all.hessian, all.factor, all.rounding,
             all.total());
  fmt::print("{:.0f} s per billion weights ({:.0f} s without the Hessians), peak memory {:.0f} MB\n",
             all.total() * 1e9 / weights, (all.factor + all.rounding) * 1e9 / weights,
             static_cast<double>(usage.ru_maxrss) / 1000);
  return 0;
}
