// Broken variants of bytes, the same ones for the same seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

namespace qreason::testing {

class Mutator {
 public:
  using Bytes = std::vector<std::uint8_t>;

  explicit Mutator(unsigned seed) : random_(seed) {}

  Bytes mutated(Bytes bytes) {
    const std::size_t times = 1 + below(4);
    for (std::size_t i = 0; i < times && !bytes.empty(); ++i) change(bytes);
    return bytes;
  }

 private:
  // Numbers at which counts, sums and products go wrong.
  static constexpr std::uint64_t kEdges[] = {
      0,          1,          7,          0x7f,       0x80,       0xff,      0xffff,     0x7fffffff,     0x80000000,
      0xffffffff, 1ull << 32, 1ull << 58, 1ull << 61, 1ull << 62, INT64_MAX, 1ull << 63, UINT64_MAX - 7, UINT64_MAX};

  std::size_t below(std::size_t count) { return random_() % count; }

  void change(Bytes& bytes) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        bytes[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2: {
        const std::uint64_t edge = kEdges[below(std::size(kEdges))];
        const std::size_t width = std::min<std::size_t>(bytes.size() - at, below(2) == 0 ? 4 : 8);
        std::memcpy(bytes.data() + at, &edge, width);
        break;
      }
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(begin(bytes, at), begin(bytes, at + std::min(bytes.size() - at, below(16))));
        break;
      default: {
        const Bytes piece(begin(bytes, at), begin(bytes, at + std::min<std::size_t>(bytes.size() - at, 1 + below(32))));
        bytes.insert(begin(bytes, below(bytes.size())), piece.begin(), piece.end());
      }
    }
  }

  static Bytes::iterator begin(Bytes& bytes, std::size_t at) { return bytes.begin() + static_cast<std::ptrdiff_t>(at); }

  std::mt19937 random_;
};

}  // namespace qreason::testing
