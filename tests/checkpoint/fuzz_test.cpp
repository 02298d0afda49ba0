// The fuzz targets over mutations from fixed seeds: the same few thousand broken files in every run.
#include "../../fuzz/targets.h"

#include <gtest/gtest.h>

#include <random>

#include "checkpoint/broken_files.h"
#include "checkpoint/gguf_builder.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using testing::MemoryLimit;
using testing::raw;

using Bytes = std::vector<std::uint8_t>;

Bytes as_bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

// Numbers at which counts, sums and products go wrong.
constexpr std::uint64_t kEdges[] = {0,          1,          7,          0x7f,       0x80,           0xff,
                                    0xffff,     0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,     1ull << 58,
                                    1ull << 61, 1ull << 62, INT64_MAX,  1ull << 63, UINT64_MAX - 7, UINT64_MAX};

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  Bytes mutated(Bytes bytes) {
    const std::size_t times = 1 + below(4);
    for (std::size_t i = 0; i < times && !bytes.empty(); ++i) change(bytes);
    return bytes;
  }

 private:
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
        const std::string edge = raw(kEdges[below(std::size(kEdges))]);
        const std::size_t width = std::min<std::size_t>(bytes.size() - at, below(2) == 0 ? 4 : 8);
        std::copy_n(edge.begin(), width, bytes.begin() + static_cast<std::ptrdiff_t>(at));
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

// Runs `target` on the seed and on so many mutations of it; nothing but an Error may come out, which targets swallow.
void run_mutations(const Bytes& seed, int count, unsigned (*target)(std::span<const std::uint8_t>)) {
  const MemoryLimit limit(64);
  Mutator mutator(2504);
  target(seed);
  for (int i = 0; i < count; ++i) ASSERT_NO_THROW(target(mutator.mutated(seed))) << "mutation " << i;
}

TEST(Fuzz, SafetensorsGiveErrorsAtWorst) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"c":{"dtype":"F4","shape":[4],"data_offsets":[22,24]}})";
  run_mutations(as_bytes(raw<std::uint64_t>(header.size()) + header + std::string(24, 'x')), 20000,
                fuzz::read_as_safetensors);
}

TEST(Fuzz, GgufGivesErrorsAtWorst) {
  run_mutations(as_bytes(testing::tiny_llama().bytes()), 8000, fuzz::read_as_gguf);
}

TEST(Fuzz, TargetsReadGoodFiles) {
  // A target that always fails, and so returns 0, would pass the tests above.
  const std::string header = R"({"a":{"dtype":"U8","shape":[24],"data_offsets":[0,24]}})";
  EXPECT_EQ(fuzz::read_as_safetensors(as_bytes(raw<std::uint64_t>(header.size()) + header + std::string(24, 'x'))),
            24u * 'x');
  // All data is zero; one layer.
  EXPECT_EQ(fuzz::read_as_gguf(as_bytes(testing::tiny_llama().bytes())), 1u);
}

}  // namespace
}  // namespace qreason
