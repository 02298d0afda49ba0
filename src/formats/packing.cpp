#include "formats/packing.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"

namespace qreason {
namespace {

void check_bits(int bits) {
  if (bits < 1 || bits > 8) throw Error("packing", fmt::format("{} bits", bits), "1 to 8");
}

}  // namespace

std::size_t packed_bytes(std::size_t codes, int bits) {
  check_bits(bits);
  const auto width = static_cast<std::size_t>(bits);
  // codes / 8 first: codes * bits may not fit.
  return codes / 8 * width + (codes % 8 * width + 7) / 8;
}

void pack_codes(std::span<const std::uint8_t> codes, int bits, std::span<std::uint8_t> out) {
  const std::size_t bytes = packed_bytes(codes.size(), bits);
  if (out.size() != bytes)
    throw Error("packing", fmt::format("room for {} bytes", out.size()), fmt::format("{}", bytes));
  std::uint32_t window = 0;
  int held = 0;
  std::size_t written = 0;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] >> bits != 0) {
      throw Error("packing", fmt::format("code {} at {}", codes[i], i), fmt::format("one of {} bits", bits));
    }
    window |= static_cast<std::uint32_t>(codes[i]) << held;
    held += bits;
    for (; held >= 8; held -= 8) {
      out[written++] = static_cast<std::uint8_t>(window);
      window >>= 8;
    }
  }
  if (held > 0) out[written] = static_cast<std::uint8_t>(window);
}

void unpack_codes(std::span<const std::uint8_t> packed, int bits, std::span<std::uint8_t> codes) {
  const std::size_t bytes = packed_bytes(codes.size(), bits);
  if (packed.size() != bytes) {
    throw Error("unpacking", fmt::format("{} packed bytes", packed.size()),
                fmt::format("{} for {} codes of {} bits", bytes, codes.size(), bits));
  }
  const std::uint32_t mask = (1u << bits) - 1;
  std::uint32_t window = 0;
  int held = 0;
  std::size_t next = 0;
  for (auto& code : codes) {
    if (held < bits) {
      window |= static_cast<std::uint32_t>(packed[next++]) << held;
      held += 8;
    }
    code = static_cast<std::uint8_t>(window & mask);
    window >>= bits;
    held -= bits;
  }
}

}  // namespace qreason
