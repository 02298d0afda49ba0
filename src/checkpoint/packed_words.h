// The 32-bit words in which AWQ, GPTQ and compressed-tensors checkpoints keep integer codes (checkpoint_formats.md,
// sections 1 to 3), both ways, to and from our own form: one byte a code, [rows = out, columns = in] for weights and
// [rows = out, columns = groups] for zero points.
//
// All these layouts are one thing with three switches: which index of [rows, columns] runs inside of a word, whether
// the array of words is stored transposed, and in which order the codes lie in a word, from its lowest bit up. Codes of
// 2, 4 and 8 bits fill words evenly; those of 3, 5, 6 and 7 lie densely, across the borders of words (32 codes in as
// many words as a code has bits), or, in compressed-tensors before 0.18, floor(32 / bits) in a word.
//
// FP4 codes (NVFP4, MXFP4) are bytes with the even column in the low nibble, which is what formats/packing.h does.
#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"

namespace qreason {

struct WordLayout {
  enum class Inside : std::uint8_t { kRows, kColumns };        // the index that runs inside of a word
  enum class First : std::uint8_t { kRows, kColumns };         // the first index of the array of words
  enum class Order : std::uint8_t { kPlain, kAwq };            // kAwq: nibble i holds code {0, 2, 4, 6, 1, 3, 5, 7}[i]
  enum class Borders : std::uint8_t { kCrossed, kRespected };  // where a word ends inside of a code

  Inside inside;
  First first;
  Order order = Order::kPlain;
  Borders borders = Borders::kCrossed;

  bool operator==(const WordLayout&) const = default;
};

// AutoAWQ's GEMM layout: qweight [in, out / 8], qzeros [groups, out / 8]. Four bits only.
inline constexpr WordLayout kAwqWords{WordLayout::Inside::kRows, WordLayout::First::kColumns, WordLayout::Order::kAwq};
// GPTQ's qweight [in * bits / 32, out] and qzeros [groups, out * bits / 32].
inline constexpr WordLayout kGptqWeightWords{WordLayout::Inside::kColumns, WordLayout::First::kColumns};
inline constexpr WordLayout kGptqZeroWords{WordLayout::Inside::kRows, WordLayout::First::kColumns};
// compressed-tensors' weight_packed [out, in * bits / 32] and weight_zero_point [out * bits / 32, groups].
inline constexpr WordLayout kPackedWeightWords{WordLayout::Inside::kColumns, WordLayout::First::kRows};
inline constexpr WordLayout kPackedZeroWords{WordLayout::Inside::kRows, WordLayout::First::kRows};
// The layout as compressed-tensors before 0.18 wrote it.
constexpr WordLayout with_borders(WordLayout layout) {
  layout.borders = WordLayout::Borders::kRespected;
  return layout;
}

// The shape of the array of words that codes [rows, columns] take; a last word that is not full counts. Errors: bits
// outside of 2 to 8, sizes that are not positive or whose product is beyond 2^40, AWQ's order with other than four bits
// or with a number of rows that eight does not divide.
struct WordShape {
  std::int64_t rows = 0, columns = 0;
  bool operator==(const WordShape&) const = default;
};
WordShape word_shape(const WordLayout& layout, int bits, std::int64_t rows, std::int64_t columns);

// `codes` [rows, columns], `words` of word_shape(), row-major both. Bits of no code are written as 0 and not looked at
// when read. Errors: as word_shape(), spans of other sizes, a code that does not fit in `bits`.
void pack_words(std::span<const std::uint8_t> codes, std::int64_t rows, std::int64_t columns, int bits,
                const WordLayout& layout, std::span<std::uint32_t> words, ThreadPool* pool = nullptr);
void unpack_words(std::span<const std::uint32_t> words, std::int64_t rows, std::int64_t columns, int bits,
                  const WordLayout& layout, std::span<std::uint8_t> codes, ThreadPool* pool = nullptr);

// GPTQ's first checkpoint format stores every zero point minus one, so that a zero point of 0 has no code. Writing: an
// Error when there is one.
void subtract_one_from_zeros(std::span<std::uint8_t> zeros);
// Reading, code by code: the highest code, which stands for 2^bits or for 0, becomes 0 (as AutoGPTQ reads it). How many
// of those there were.
std::int64_t add_one_to_zeros(std::span<std::uint8_t> zeros, int bits);
// Reading, word by word, as GPTQModel writes and reads codes of 2, 4 and 8 bits: every word gets one added at the place
// of each of its codes, and one that overflows carries into the next. Where the writer's subtraction borrowed, this
// gives the zero points back that were meant. An Error for other bits: their codes cross words, and are taken one by
// one.
void add_one_to_zero_words(std::span<std::uint32_t> words, int bits);

}  // namespace qreason
