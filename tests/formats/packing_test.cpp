#include "formats/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

std::vector<std::uint8_t> pack(const std::vector<std::uint8_t>& codes, int bits) {
  std::vector<std::uint8_t> out(packed_bytes(codes.size(), bits), 0xAA);
  pack_codes(codes, bits, out);
  return out;
}

// By hand, least significant bit first: 1, 2, 3, 4 in 3 bits are 001 010 011 100 from the right:
// bits 100'011'010'001 = 0x8D1.
TEST(Packing, PutsTheFirstCodeInTheLowestBits) {
  EXPECT_THAT(pack({1, 2, 3, 4}, 3), ElementsAre(0xD1, 0x08));
  EXPECT_THAT(pack({0x1, 0x2, 0xF}, 4), ElementsAre(0x21, 0x0F));
  EXPECT_THAT(pack({3, 0, 2, 1, 1}, 2), ElementsAre(0b01100011, 0b01));
  EXPECT_THAT(pack({0x7F, 0x01}, 7), ElementsAre(0xFF, 0x00));
}

TEST(Packing, RoundTripsEveryWidthAndLength) {
  PythonRandom random(7);
  for (int bits = 1; bits <= 8; ++bits) {
    for (std::size_t length = 0; length <= 33; ++length) {
      std::vector<std::uint8_t> codes(length), back(length);
      for (auto& code : codes) code = static_cast<std::uint8_t>(random.getrandbits(bits));
      const auto packed = pack(codes, bits);
      EXPECT_EQ(packed.size(), (length * static_cast<std::size_t>(bits) + 7) / 8);
      unpack_codes(packed, bits, back);
      EXPECT_EQ(back, codes) << bits << " bits, " << length << " codes";
    }
  }
}

TEST(Packing, LeavesUnusedBitsZero) {
  for (int bits = 1; bits <= 8; ++bits) {
    const auto packed = pack({static_cast<std::uint8_t>((1 << bits) - 1)}, bits);
    EXPECT_THAT(packed, ElementsAre((1 << bits) - 1));
  }
}

TEST(Packing, RefusesWhatDoesNotFit) {
  std::vector<std::uint8_t> one(1), two(2);
  EXPECT_THROW(pack({8}, 3), Error);
  EXPECT_THROW(packed_bytes(1, 0), Error);
  EXPECT_THROW(packed_bytes(1, 9), Error);
  EXPECT_THROW(pack_codes(two, 8, one), Error);
  EXPECT_THROW(unpack_codes(one, 8, two), Error);
  EXPECT_THROW(unpack_codes(two, 4, two), Error);
  EXPECT_EQ(packed_bytes(~std::size_t{0}, 8), ~std::size_t{0});
}

}  // namespace
}  // namespace qreason
