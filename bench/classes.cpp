// The same products in every class of arithmetic that the machine has, in turns: each number is the best of all turns,
// so that a neighbour who comes and goes slows both. On one thread the clock is the process's own time.
//   bench_classes [threads] [turns] [outputs columns]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/numerics.h"
#include "formats/float_codecs.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

clockid_t measured_clock = CLOCK_MONOTONIC;

double seconds() {
  timespec now{};
  clock_gettime(measured_clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// One turn: the best of some runs of at least a twentieth of a second in all.
double best_time(const std::function<void()>& body) {
  body();
  double best = 1e9;
  const double start = seconds();
  for (int runs = 0; runs < 2 || seconds() - start < 0.05; ++runs) {
    const double before = seconds();
    body();
    best = std::min(best, seconds() - before);
  }
  return best;
}

std::vector<float> floats(std::int64_t count) {
  std::mt19937 generator(7);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(static_cast<int>(generator() >> 16) - 32768) * 0x1p-15f;
  return values;
}

struct Shape {
  std::int64_t outputs, columns;
};

PackedMatrix make_weight(const std::string& kind, const Shape& shape, const Backend& backend) {
  const auto [outputs, columns] = shape;
  if (kind == "bf16") {
    std::vector<std::uint16_t> patterns;
    for (const float value : floats(outputs * columns)) patterns.push_back(encode_bfloat16(value));
    return backend.pack_bfloat16(patterns, outputs, columns, nullptr);
  }
  QuantizedMatrix m;
  m.format = parse_quant_format(kind);
  m.rows = outputs;
  m.columns = columns;
  m.group_size = group_size_of(m.format, columns);
  m.groups = (columns + m.group_size - 1) / m.group_size;
  std::mt19937 generator(3);
  m.codes.resize(static_cast<std::size_t>(outputs * columns));
  for (auto& code : m.codes) code = static_cast<std::uint8_t>(generator() & ((1u << m.format.bits) - 1u) & 0x77u);
  m.scales.assign(static_cast<std::size_t>(outputs * m.groups), 0.01f);
  if (m.format.symmetry == Symmetry::kAsymmetric) m.zeros.assign(m.scales.size(), 2);
  return backend.pack_quantized(m, nullptr);
}

// One class: its backend, the weight packed for it, what it computed.
struct Contender {
  Contender(const std::string& kind, const Shape& shape, const Backend& backend, int threads)
      : executor(threads, backend), weight(make_weight(kind, shape, backend)) {}
  Executor executor;
  PackedMatrix weight;
  std::vector<float> y;
  std::map<std::int64_t, double> best;  // by rows
};

void check(const Contender& a, const Contender& b, double tolerance) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < a.y.size(); ++i) {
    error += std::pow(static_cast<double>(a.y[i]) - b.y[i], 2);
    size += std::pow(static_cast<double>(a.y[i]), 2);
  }
  if (!(std::sqrt(error) <= tolerance * std::sqrt(size))) throw Error("bench", "products that differ", "close ones");
}

void measure(const Shape& shape, const std::string& kind, const std::vector<std::int64_t>& row_counts, int threads,
             int turns) {
  Contender portable(kind, shape, host_backend(), threads), fast(kind, shape, cpu_backend(Arithmetic::kFast), threads);
  for (int turn = 0; turn < turns; ++turn) {
    for (const std::int64_t rows : row_counts) {
      const std::vector<float> x = floats(rows * shape.columns);
      for (Contender* one : {&portable, &fast}) {
        one->y.resize(static_cast<std::size_t>(rows * shape.outputs));
        const MatmulArguments arguments{
            .x = x.data(), .rows = rows, .x_stride = shape.columns, .y = one->y.data(), .y_stride = shape.outputs};
        const double time = best_time([&] { matmul(one->weight, arguments, one->executor); });
        const auto known = one->best.try_emplace(rows, time).first;
        known->second = std::min(known->second, time);
      }
      check(portable, fast, 0x1p-8);  // rounding moves a number by no more
    }
  }
  for (const std::int64_t rows : row_counts) {
    const double work = 2e-9 * static_cast<double>(rows * shape.outputs * shape.columns);
    std::string line = fmt::format("{:>6} x {:<5} {:<12} rows {:>4}", shape.outputs, shape.columns, kind, rows);
    for (const Contender* one : {&portable, &fast}) {
      const double time = one->best.at(rows);
      line += fmt::format("  {} {:9.1f} us {:6.1f} GFLOP/s {:5.1f} GB/s", name_of(one->executor.backend().arithmetic()),
                          time * 1e6, work / time, 1e-9 * static_cast<double>(one->weight.bytes()) / time);
    }
    fmt::print("{}  x {:.2f}\n", line, portable.best.at(rows) / fast.best.at(rows));
  }
}

int run(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2, turns = argc > 2 ? std::atoi(argv[2]) : 3;
  if (threads == 1) measured_clock = CLOCK_PROCESS_CPUTIME_ID;
  std::vector<Shape> shapes{{8960, 1536}, {8960, 8960}};
  if (argc > 4) shapes = {{std::atoll(argv[3]), std::atoll(argv[4])}};
  for (const Shape& shape : shapes) {
    for (const char* kind : {"bf16", "w4g64-asym", "w4g128-sym", "w8c-sym", "w3g128-asym", "mxfp4", "fp8e4m3"}) {
      measure(shape, kind, {1, 4, 32, 512}, threads, turns);
    }
  }
  return 0;
}

}  // namespace
}  // namespace qreason

int main(int argc, char** argv) {
  try {
    return qreason::run(argc, argv);
  } catch (const qreason::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
