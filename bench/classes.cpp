// The same products in every class of arithmetic that the machine has, and of rows that are quantized to 8 bits first
// (`codes`, the quantizing included; the others take floats), in turns: each number is the best of all turns,
// so that a neighbour who comes and goes slows both. On one thread the clock is the process's own time.
//   bench_classes [threads] [turns] [outputs columns]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/numerics.h"
#include "formats/float_codecs.h"
#include "kernels/backend.h"
#include "kernels/site_rows.h"

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

// One way: its backend, the weight packed for it, what it computed.
struct Contender {
  Contender(std::string_view a_name, const std::string& kind, const Shape& shape, const Backend& backend, int threads)
      : name(a_name), executor(threads, backend), weight(make_weight(kind, shape, backend)) {}

  void multiply(const std::vector<float>& x, std::int64_t rows) {
    const MatmulTarget target{.w = &weight, .y = y.data(), .y_stride = weight.rows()};
    SiteInput input{.rows = x.data(), .count = rows, .width = weight.columns()};
    if (name == "codes") {
      codes.encode(x.data(), rows, weight.columns(), parse_quant_format("a8-token-sym"), executor);
      input.rows = codes;
    }
    multiply_site({&target, 1}, input, executor);
  }

  std::string_view name;
  Executor executor;
  CodedRows codes;
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
  const bool integers = kind.front() == 'w';
  std::vector<std::unique_ptr<Contender>> all;
  all.push_back(std::make_unique<Contender>("portable", kind, shape, host_backend(), threads));
  if (missing_for(Arithmetic::kFast).empty()) {
    all.push_back(std::make_unique<Contender>("fast", kind, shape, cpu_backend(Arithmetic::kFast), threads));
  }
  if (integers) all.push_back(std::make_unique<Contender>("codes", kind, shape, host_backend(), threads));
  for (int turn = 0; turn < turns; ++turn) {
    for (const std::int64_t rows : row_counts) {
      const std::vector<float> x = floats(rows * shape.columns);
      for (const auto& one : all) {
        one->y.resize(static_cast<std::size_t>(rows * shape.outputs));
        const double time = best_time([&] { one->multiply(x, rows); });
        const auto known = one->best.try_emplace(rows, time).first;
        known->second = std::min(known->second, time);
        check(*all.front(), *one, 0x1p-6);  // rounding moves a row by no more
      }
    }
  }
  for (const std::int64_t rows : row_counts) {
    const double work = 2e-9 * static_cast<double>(rows * shape.outputs * shape.columns);
    std::string line = fmt::format("{:>6} x {:<5} {:<12} rows {:>4}", shape.outputs, shape.columns, kind, rows);
    for (const auto& one : all) {
      const double time = one->best.at(rows);
      line += fmt::format("  {} {:9.1f} us {:6.1f} Gop/s {:5.1f} GB/s x {:.2f}", one->name, time * 1e6, work / time,
                          1e-9 * static_cast<double>(one->weight.bytes()) / time, all.front()->best.at(rows) / time);
    }
    fmt::print("{}\n", line);
  }
}

int run(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 2, turns = argc > 2 ? std::atoi(argv[2]) : 3;
  if (threads == 1) measured_clock = CLOCK_PROCESS_CPUTIME_ID;
  std::vector<Shape> shapes{{8960, 1536}, {8960, 8960}};
  if (argc > 4) shapes = {{std::atoll(argv[3]), std::atoll(argv[4])}};
  for (const Shape& shape : shapes) {
    for (const char* kind :
         {"bf16", "w4g64-sym", "w4g64-asym", "w4g128-sym", "w8c-sym", "w3g128-asym", "mxfp4", "fp8e4m3"}) {
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
