#include "checkpoint/packed_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "formats/packing.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

using Codes = std::vector<std::uint8_t>;
using Words = std::vector<std::uint32_t>;

// The worked example of checkpoint_formats.md section 5: 32 x 32 codes in groups of 8. Its words were made by the
// packers of AutoAWQ, AutoGPTQ, GPTQModel and compressed-tensors themselves.
constexpr std::int64_t kSize = 32, kGroups = 4;

Codes example_codes() {
  Codes codes;
  for (int n = 0; n < kSize; ++n) {
    for (int k = 0; k < kSize; ++k) codes.push_back(static_cast<std::uint8_t>((3 * k + 5 * n + k * n / 4 + 1) % 16));
  }
  return codes;
}

Codes example_zeros() {
  Codes zeros;
  for (int n = 0; n < kSize; ++n) {
    for (int g = 0; g < kGroups; ++g) zeros.push_back(static_cast<std::uint8_t>(1 + (7 * g + 2 * n + 2) % 15));
  }
  return zeros;
}

Words pack(const Codes& codes, std::int64_t rows, std::int64_t columns, int bits, const WordLayout& layout) {
  const WordShape shape = word_shape(layout, bits, rows, columns);
  Words words(static_cast<std::size_t>(shape.rows * shape.columns), 0xAAAAAAAA);
  pack_words(codes, rows, columns, bits, layout, words);
  return words;
}

Codes unpack(const Words& words, std::int64_t rows, std::int64_t columns, int bits, const WordLayout& layout) {
  Codes codes(static_cast<std::size_t>(rows * columns), 0xAA);
  unpack_words(words, rows, columns, bits, layout, codes);
  return codes;
}

// The words [first, first + 1, ...][0] or [0][...] of an array of `columns`.
Words column(const Words& words, std::size_t columns, std::size_t count) {
  Words found;
  for (std::size_t i = 0; i < count; ++i) found.push_back(words[i * columns]);
  return found;
}

std::string short_hash(const Words& words) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(words)));
  return hash.finish_hex().substr(0, 16);
}

TEST(PackedWords, PacksAwqAsAutoAwq) {
  const Words words = pack(example_codes(), kSize, kSize, 4, kAwqWords);
  EXPECT_EQ(word_shape(kAwqWords, 4, kSize, kSize), (WordShape{32, 4}));
  EXPECT_THAT(column(words, 4, 8), ElementsAre(0x4a06f5b1, 0x8e3939e4, 0xd27c8d27, 0x26bfc15a, 0x7bf3159d, 0xbf2659c0,
                                               0x0369ad03, 0x57ace136));
  EXPECT_THAT(Words(words.begin(), words.begin() + 4), ElementsAre(0x4a06f5b1, 0xc28e7d39, 0x4a06f5b1, 0xc28e7d39));
  EXPECT_EQ(short_hash(words), "85780fa4b674c6b4");
  const Words zeros = pack(example_zeros(), kSize, kGroups, 4, kAwqWords);
  EXPECT_EQ(word_shape(kAwqWords, 4, kSize, kGroups), (WordShape{4, 4}));
  EXPECT_THAT(column(zeros, 4, 4), ElementsAre(0x2d95fb73, 0x951c73ea, 0x1c84ea62, 0x84fb62d9));
  EXPECT_EQ(short_hash(zeros), "3f81f9a12accc3b9");
}

TEST(PackedWords, PacksGptqAsItsTools) {
  const Words words = pack(example_codes(), kSize, kSize, 4, kGptqWeightWords);
  EXPECT_EQ(word_shape(kGptqWeightWords, 4, kSize, kSize), (WordShape{4, 32}));
  EXPECT_THAT(Words(words.begin(), words.begin() + 8), ElementsAre(0x630da741, 0xc963fc96, 0x30c952eb, 0xa62fb730,
                                                                   0x1d951d95, 0x73fb62ea, 0xea51c83f, 0x50b72d84));
  EXPECT_EQ(short_hash(words), "c5cb7a63501ae141");
  EXPECT_EQ(word_shape(kGptqZeroWords, 4, kSize, kGroups), (WordShape{4, 4}));
  const Words zeros = pack(example_zeros(), kSize, kGroups, 4, kGptqZeroWords);
  EXPECT_THAT(column(zeros, 4, 4), ElementsAre(0x2fdb9753, 0x97531eca, 0x1eca8642, 0x8642fdb9));
  EXPECT_EQ(short_hash(zeros), "6b5a2dfda1153655");
}

TEST(PackedWords, StoresZerosOfTheFirstGptqFormatMinusOne) {
  Codes zeros = example_zeros();
  subtract_one_from_zeros(zeros);
  Words words = pack(zeros, kSize, kGroups, 4, kGptqZeroWords);
  EXPECT_THAT(column(words, 4, 4), ElementsAre(0x1eca8642, 0x86420db9, 0x0db97531, 0x7531eca8));
  EXPECT_EQ(short_hash(words), "399731dd453afbc7");
  EXPECT_EQ(add_one_to_zeros(zeros, 4), 0);
  EXPECT_EQ(zeros, example_zeros());
  add_one_to_zero_words(words, 4);
  EXPECT_EQ(short_hash(words), "6b5a2dfda1153655");
}

// checkpoint_formats.md 2.2: zeros ...53 with a 0 above become 0x1eca863f where nibble by nibble it would be ...864f.
TEST(PackedWords, TakesBorrowsOfGptqModelBack) {
  Words words{0x1eca863f};
  add_one_to_zero_words(words, 4);
  EXPECT_EQ(words[0], 0x2fdb9750u);
  for (const auto& [bits, ones] : {std::pair{2, 0x55555555u}, {8, 0x01010101u}}) {
    Words none{0};
    add_one_to_zero_words(none, bits);
    EXPECT_EQ(none[0], ones);
  }
  EXPECT_THROW(add_one_to_zero_words(words, 3), Error);
}

TEST(PackedWords, TellsZerosThatTheFirstGptqFormatCannotHold) {
  Codes zeros{3, 0};
  EXPECT_THROW(subtract_one_from_zeros(zeros), Error);
  Codes stored{15, 0, 7};
  EXPECT_EQ(add_one_to_zeros(stored, 4), 1);
  EXPECT_THAT(stored, ElementsAre(0, 1, 8));
}

TEST(PackedWords, PacksAsCompressedTensors) {
  const Words words = pack(example_codes(), kSize, kSize, 4, kPackedWeightWords);
  EXPECT_EQ(word_shape(kPackedWeightWords, 4, kSize, kSize), (WordShape{32, 4}));
  EXPECT_THAT(column(words, 4, 8), ElementsAre(0x630da741, 0xc963fc96, 0x30c952eb, 0xa62fb730, 0x1d951d95, 0x73fb62ea,
                                               0xea51c83f, 0x50b72d84));
  EXPECT_EQ(short_hash(words), "3c4731cc6f324439");
  const Words zeros = pack(example_zeros(), kSize, kGroups, 4, kPackedZeroWords);
  EXPECT_EQ(word_shape(kPackedZeroWords, 4, kSize, kGroups), (WordShape{4, 4}));
  EXPECT_THAT(Words(zeros.begin(), zeros.begin() + 4), ElementsAre(0x2fdb9753, 0x97531eca, 0x1eca8642, 0x8642fdb9));
  EXPECT_EQ(short_hash(zeros), "8fc9e1e0696ed1c5");
}

// By hand. Three bits, 1 2 3 4 5 6 7 0 and on: dense, the eleventh code (3 = 011) has two bits in the first word and
// one, 0, in the second; ten codes a word leave the eleventh to the second word.
TEST(PackedWords, PacksThreeBitsAcrossBordersOrWithin) {
  Codes codes(32);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>((i + 1) % 8);
  // Eight codes are 24 bits: 000 111 110 101 100 011 010 001 = 0x1F58D1; then 001 at 24, 010 at 27, the low bits of 011
  // at 30. Word 1 goes on with 0, then 100 101 110 111 000 001 ...
  const Words dense = pack(codes, 1, 32, 3, kPackedWeightWords);
  EXPECT_THAT(dense, ElementsAre(0xD11F58D1, 0x58D11F58, 0x1F58D11F));
  EXPECT_EQ(unpack(dense, 1, 32, 3, kPackedWeightWords), codes);
  const WordLayout old = with_borders(kPackedWeightWords);
  EXPECT_EQ(word_shape(old, 3, 1, 32), (WordShape{1, 4}));
  const Words within = pack(codes, 1, 32, 3, old);
  EXPECT_EQ(within[0], 0x111F58D1u);
  EXPECT_EQ(within[1] & 7u, 3u);
  EXPECT_EQ(within[3], (7u | 0u << 3));  // the codes at 30 and 31
  EXPECT_EQ(unpack(within, 1, 32, 3, old), codes);
}

// Dense rows are the bytes of formats/packing.h, filled up to whole words.
TEST(PackedWords, IsTheBytePackingOfDenseRows) {
  PythonRandom random(3);
  for (int bits = 2; bits <= 8; ++bits) {
    Codes codes(70);
    for (auto& code : codes) code = static_cast<std::uint8_t>(random.getrandbits(bits));
    Codes bytes(packed_bytes(codes.size(), bits));
    pack_codes(codes, bits, bytes);
    const Words words = pack(codes, 1, 70, bits, kPackedWeightWords);
    bytes.resize(words.size() * 4);
    const auto packed = std::as_bytes(std::span(words));
    EXPECT_TRUE(std::equal(packed.begin(), packed.end(), std::as_bytes(std::span(bytes)).begin())) << bits;
  }
}

TEST(PackedWords, RoundTripsEveryLayoutWidthAndSize) {
  PythonRandom random(11);
  ThreadPool pool(2);
  for (const WordLayout& plain : {kGptqWeightWords, kGptqZeroWords, kPackedWeightWords, kPackedZeroWords, kAwqWords}) {
    for (const WordLayout& layout : {plain, with_borders(plain)}) {
      for (int bits = layout.order == WordLayout::Order::kAwq ? 4 : 2; bits <= 8; ++bits) {
        if (layout.order == WordLayout::Order::kAwq && bits > 4) break;
        for (const auto& [rows, columns] : {std::pair{8, 1}, {40, 7}, {16, 33}, {72, 100}}) {
          Codes codes(static_cast<std::size_t>(rows * columns));
          for (auto& code : codes) code = static_cast<std::uint8_t>(random.getrandbits(bits));
          const Words words = pack(codes, rows, columns, bits, layout);
          EXPECT_EQ(unpack(words, rows, columns, bits, layout), codes) << bits << " bits, " << rows << " x " << columns;
          Words pooled(words.size());
          pack_words(codes, rows, columns, bits, layout, pooled, &pool);
          EXPECT_EQ(pooled, words);
        }
      }
    }
  }
}

// checkpoint_formats.md 3.3: columns [0, -.5, 1, -1.5, 2, -3, 4, -6] are the bytes 90 b2 d4 f6.
TEST(PackedWords, LeavesFourBitFloatsToThePackingOfBytes) {
  const Codes codes{0, 8 + 1, 2, 8 + 3, 4, 8 + 5, 6, 8 + 7};
  Codes bytes(4);
  pack_codes(codes, 4, bytes);
  EXPECT_THAT(bytes, ElementsAre(0x90, 0xb2, 0xd4, 0xf6));
}

TEST(PackedWords, RefusesWhatDoesNotFit) {
  Codes codes(32);
  Words words(4);
  EXPECT_THROW(word_shape(kAwqWords, 3, 8, 8), Error);
  EXPECT_THROW(word_shape(kAwqWords, 4, 12, 8), Error);
  EXPECT_THROW(word_shape(kPackedWeightWords, 9, 8, 8), Error);
  EXPECT_THROW(word_shape(kPackedWeightWords, 1, 8, 8), Error);
  EXPECT_THROW(word_shape(kPackedWeightWords, 4, 0, 8), Error);
  EXPECT_THROW(word_shape(kPackedWeightWords, 4, 8, -1), Error);
  EXPECT_THROW(word_shape(kPackedWeightWords, 4, std::int64_t{1} << 40, 2), Error);
  EXPECT_THROW(unpack_words(words, 1, 33, 4, kPackedWeightWords, codes), Error);
  EXPECT_THROW(unpack_words(std::span(words).first(3), 1, 32, 4, kPackedWeightWords, codes), Error);
  EXPECT_THROW(pack_words(codes, 1, 32, 4, kPackedWeightWords, std::span(words).first(3)), Error);
  codes[5] = 16;
  EXPECT_THROW(pack_words(codes, 1, 32, 4, kPackedWeightWords, words), Error);
}

}  // namespace
}  // namespace qreason
