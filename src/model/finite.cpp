#include "model/finite.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kChunkBytes = 1 << 18;  // a task of the pool
constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();

// The bits of an exponent, once in each lane of a 64-bit word. A lane whose exponent is all ones (a NaN or an infinity)
// carries into its sign bit when the exponent's lowest bit is added, no other lane does, and none into its neighbour.
struct Exponent {
  std::uint64_t mask, lowest, sign;
};

Exponent exponent_of(at::ScalarType type) {
  constexpr std::uint64_t kHalves = 0x0001'0001'0001'0001, kWords = 0x0000'0001'0000'0001;
  if (type == at::kBFloat16) return {0x7F80 * kHalves, 0x0080 * kHalves, 0x8000 * kHalves};
  if (type == at::kHalf) return {0x7C00 * kHalves, 0x0400 * kHalves, 0x8000 * kHalves};
  return {0x7F80'0000 * kWords, 0x0080'0000 * kWords, 0x8000'0000 * kWords};
}

bool all_finite(const std::byte* bytes, std::int64_t count, const Exponent& exponent) {
  std::uint64_t found = 0;
  std::int64_t at = 0;
  for (; at + 8 <= count; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + at, 8);
    found |= (word & exponent.mask) + exponent.lowest;
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, bytes + at, static_cast<std::size_t>(count - at));
  found |= (rest & exponent.mask) + exponent.lowest;
  return (found & exponent.sign) == 0;
}

// The lowest byte offset of a chunk that is not all finite; kNone when there is none.
std::int64_t first_bad_chunk(const at::Tensor& tensor, ThreadPool* pool) {
  const auto* bytes = static_cast<const std::byte*>(tensor.const_data_ptr());
  const auto size = static_cast<std::int64_t>(tensor.nbytes());
  const Exponent exponent = exponent_of(tensor.scalar_type());
  std::atomic<std::int64_t> first{kNone};
  const auto check = [&](std::int64_t chunk) {
    const std::int64_t begin = chunk * kChunkBytes;
    if (all_finite(bytes + begin, std::min(kChunkBytes, size - begin), exponent)) return;
    std::int64_t known = first.load();
    while (begin < known && !first.compare_exchange_weak(known, begin)) {
    }
  };
  run_on(pool, (size + kChunkBytes - 1) / kChunkBytes, check);
  return first.load();
}

[[noreturn]] void refuse(double value, std::int64_t flat, at::IntArrayRef shape, const std::string& where) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t d = shape.size(); d-- > 0; flat /= shape[d]) index[d] = flat % shape[d];
  throw Error(where, fmt::format("{} at [{}]", value, fmt::join(index, ", ")), "finite numbers");
}

}  // namespace

void require_finite(const at::Tensor& tensor, const std::string& where, ThreadPool* pool) {
  const at::ScalarType type = tensor.scalar_type();
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kHalf) return;
  const at::Tensor values = tensor.contiguous();
  const std::int64_t chunk = first_bad_chunk(values, pool);
  if (chunk == kNone) return;
  const auto width = static_cast<std::int64_t>(values.element_size());
  const std::int64_t begin = chunk / width, end = std::min(values.numel(), begin + kChunkBytes / width);
  const at::Tensor some = values.view({-1}).slice(0, begin, end).to(at::kFloat).contiguous();
  const float* data = some.const_data_ptr<float>();
  const float* bad = std::find_if(data, data + some.numel(), [](float value) { return !std::isfinite(value); });
  refuse(*bad, begin + (bad - data), values.sizes(), where);
}

void require_finite(const LinearWeight& weight, const std::string& where, ThreadPool* pool) {
  if (weight.bias) require_finite(*weight.bias, where + ".bias", pool);
  if (!weight.quantized()) require_finite(std::get<at::Tensor>(weight.matrix), where + ".weight", pool);
}

}  // namespace qreason
