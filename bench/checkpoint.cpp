// Decoding ggml's blocks and hashing: values and bytes per second of one thread, beside this machine's own rate of
// filling memory. Each type is first compared with the golden blocks of the tests.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/file.h"
#include "base/parallel.h"
#include "base/safetensors.h"
#include "checkpoint/gguf.h"

namespace {

using namespace qreason;

constexpr std::size_t kValues = std::size_t{1} << 25;

template <class Work>
double seconds_of(Work&& work) {
  work();  // touches the pages
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

bool agrees_with_golden(GgmlType type, const SafetensorsFile& golden) {
  const std::string name(name_of(type));
  const std::vector<float> want = golden.read_f32(name + ".values");
  std::vector<float> got(want.size());
  dequantize_ggml(type, golden.bytes(name + ".blocks").bytes(), got);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool same = std::memcmp(&got[i], &want[i], sizeof(float)) == 0 || (std::isnan(got[i]) && std::isnan(want[i]));
    if (!same) return false;
  }
  return true;
}

std::vector<std::byte> random_blocks(GgmlType type) {
  const GgmlBlock block = block_of(type);
  std::vector<std::byte> bytes(kValues / static_cast<std::size_t>(block.elements) *
                               static_cast<std::size_t>(block.bytes));
  // No byte above 0x3f: no scale is infinite or NaN.
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((i * 2654435761u >> 13) & 0x3f);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_checkpoint tests/data/checkpoint/ggml_blocks.safetensors\n");
    return 2;
  }
  const SafetensorsFile golden(argv[1]);
  std::vector<float> values(kValues);
  const double gigabytes = 1e-9 * static_cast<double>(kValues * sizeof(float));
  const double fill = seconds_of([&] { std::memset(values.data(), 1, kValues * sizeof(float)); });
  fmt::print("{} values, one thread; filling memory {:.1f} GB/s\n", kValues, gigabytes / fill);
  for (const GgmlType type : {GgmlType::kF16, GgmlType::kBF16, GgmlType::kQ4_0, GgmlType::kQ4_1, GgmlType::kQ5_0,
                              GgmlType::kQ5_1, GgmlType::kQ8_0, GgmlType::kQ4_K, GgmlType::kQ5_K, GgmlType::kQ6_K}) {
    if (!agrees_with_golden(type, golden)) {
      fmt::print(stderr, "{}: differs from the golden blocks\n", name_of(type));
      return 1;
    }
    const std::vector<std::byte> blocks = random_blocks(type);
    const double seconds = seconds_of([&] { dequantize_ggml(type, blocks, values); });
    fmt::print("{:5} {:8.1f} million values/s {:6.2f} GB/s written\n", name_of(type),
               1e-6 * static_cast<double>(kValues) / seconds, gigabytes / seconds);
  }
  const double hashing = seconds_of([&] { sha256_hex(std::as_bytes(std::span(values))); });
  fmt::print("SHA-256 {:.2f} GB/s\n", gigabytes / hashing);
  return 0;
}
