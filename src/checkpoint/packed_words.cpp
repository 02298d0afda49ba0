#include "checkpoint/packed_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::int64_t kWordBits = 32;
constexpr std::int64_t kMaxCodes = std::int64_t{1} << 40;
constexpr std::array<int, 8> kAwqOrder{0, 2, 4, 6, 1, 3, 5, 7};

// A line is a run of codes that lie in words of their own: a row or a column of the codes. A cell is the piece of a
// line after which codes and words begin together again.
struct Cells {
  std::int64_t lines = 0, line_codes = 0, line_words = 0;
  std::int64_t codes = 0, words = 0;  // of a cell

  std::int64_t per_line() const { return (line_codes + codes - 1) / codes; }
};

Cells cells_of(const WordLayout& layout, int bits, std::int64_t rows, std::int64_t columns) {
  if (bits < 2 || bits > 8) throw Error("packed words", fmt::format("codes of {} bits", bits), "2 to 8 bits");
  if (rows < 1 || columns < 1 || rows > kMaxCodes / columns) {
    throw Error("packed words", fmt::format("{} x {} codes", rows, columns), "positive sizes, 2^40 codes at most");
  }
  const bool columns_inside = layout.inside == WordLayout::Inside::kColumns;
  Cells cells{.lines = columns_inside ? rows : columns, .line_codes = columns_inside ? columns : rows};
  if (layout.order == WordLayout::Order::kAwq) {
    if (bits != 4) throw Error("packed words", fmt::format("{} bits in AWQ's order", bits), "4");
    if (cells.line_codes % 8 != 0) {
      throw Error("packed words", fmt::format("{} outputs in AWQ's order", cells.line_codes), "a multiple of 8");
    }
  }
  const bool even = kWordBits % bits == 0 || layout.borders == WordLayout::Borders::kRespected;
  cells.codes = even ? kWordBits / bits : kWordBits;
  cells.words = even ? 1 : bits;
  const std::int64_t whole = cells.line_codes / cells.codes, rest = cells.line_codes % cells.codes;
  cells.line_words = whole * cells.words + (even ? (rest > 0 ? 1 : 0) : (rest * bits + kWordBits - 1) / kWordBits);
  return cells;
}

WordShape shape_of(const Cells& cells, const WordLayout& layout) {
  const bool lines_first =
      (layout.inside == WordLayout::Inside::kColumns) == (layout.first == WordLayout::First::kRows);
  return lines_first ? WordShape{cells.lines, cells.line_words} : WordShape{cells.line_words, cells.lines};
}

void check_sizes(const Cells& cells, std::size_t codes, std::size_t words) {
  const auto wanted_codes = static_cast<std::size_t>(cells.lines * cells.line_codes);
  const auto wanted_words = static_cast<std::size_t>(cells.lines * cells.line_words);
  if (codes != wanted_codes || words != wanted_words) {
    throw Error("packed words", fmt::format("{} codes and {} words", codes, words),
                fmt::format("{} codes in {} words", wanted_codes, wanted_words));
  }
}

// Where the codes and words of a cell are: the first of each and the distance to the next one.
struct CellPlace {
  std::int64_t code = 0, code_step = 0, codes = 0;
  std::int64_t word = 0, word_step = 0, words = 0;
};

CellPlace place_of(const Cells& cells, const WordLayout& layout, std::int64_t line, std::int64_t cell) {
  const bool columns_inside = layout.inside == WordLayout::Inside::kColumns;
  const bool lines_first = columns_inside == (layout.first == WordLayout::First::kRows);
  const std::int64_t code = cell * cells.codes, word = cell * cells.words;
  return {.code = columns_inside ? line * cells.line_codes + code : code * cells.lines + line,
          .code_step = columns_inside ? 1 : cells.lines,
          .codes = std::min(cells.codes, cells.line_codes - code),
          .word = lines_first ? line * cells.line_words + word : word * cells.lines + line,
          .word_step = lines_first ? 1 : cells.lines,
          .words = std::min(cells.words, cells.line_words - word)};
}

// Every cell once, those of a few rows of the codes in one task: it touches each line of memory on either side while it
// is near, whichever of them is the transposed one.
template <class Body>
void for_each_cell(const Cells& cells, const WordLayout& layout, ThreadPool* pool, const Body& body) {
  constexpr std::int64_t kRun = 16;
  const bool columns_inside = layout.inside == WordLayout::Inside::kColumns;
  const std::int64_t near = columns_inside ? cells.lines : cells.per_line();
  const std::int64_t far = columns_inside ? cells.per_line() : cells.lines;
  run_on(pool, (near + kRun - 1) / kRun, [&](std::int64_t task) {
    const std::int64_t first = task * kRun, last = std::min(first + kRun, near);
    for (std::int64_t outer = 0; outer < far; ++outer) {
      for (std::int64_t inner = first; inner < last; ++inner) {
        body(columns_inside ? place_of(cells, layout, inner, outer) : place_of(cells, layout, outer, inner));
      }
    }
  });
}

// Which code of its cell lies at `slot`, counted from the lowest bit.
std::int64_t code_at(const WordLayout& layout, std::int64_t slot) {
  return layout.order == WordLayout::Order::kAwq ? kAwqOrder[static_cast<std::size_t>(slot)] : slot;
}

}  // namespace

WordShape word_shape(const WordLayout& layout, int bits, std::int64_t rows, std::int64_t columns) {
  return shape_of(cells_of(layout, bits, rows, columns), layout);
}

void pack_words(std::span<const std::uint8_t> codes, std::int64_t rows, std::int64_t columns, int bits,
                const WordLayout& layout, std::span<std::uint32_t> words, ThreadPool* pool) {
  const Cells cells = cells_of(layout, bits, rows, columns);
  check_sizes(cells, codes.size(), words.size());
  for_each_cell(cells, layout, pool, [&](const CellPlace& place) {
    std::array<std::uint64_t, 9> cell{};  // a code that crosses a border spills into the word behind
    for (std::int64_t slot = 0; slot < place.codes; ++slot) {
      const std::int64_t at = place.code + code_at(layout, slot) * place.code_step;
      const std::uint64_t code = codes[static_cast<std::size_t>(at)];
      if (code >> bits != 0) {
        throw Error("packed words", fmt::format("code {} at [{}, {}]", code, at / columns, at % columns),
                    fmt::format("codes of {} bits", bits));
      }
      const auto bit = static_cast<std::size_t>(slot * bits);
      const std::uint64_t shifted = code << bit % kWordBits;
      cell[bit / kWordBits] |= shifted & 0xFFFFFFFFu;
      cell[bit / kWordBits + 1] |= shifted >> kWordBits;
    }
    for (std::int64_t i = 0; i < place.words; ++i) {
      words[static_cast<std::size_t>(place.word + i * place.word_step)] =
          static_cast<std::uint32_t>(cell[static_cast<std::size_t>(i)]);
    }
  });
}

void unpack_words(std::span<const std::uint32_t> words, std::int64_t rows, std::int64_t columns, int bits,
                  const WordLayout& layout, std::span<std::uint8_t> codes, ThreadPool* pool) {
  const Cells cells = cells_of(layout, bits, rows, columns);
  check_sizes(cells, codes.size(), words.size());
  const std::uint64_t mask = (1u << bits) - 1;
  for_each_cell(cells, layout, pool, [&](const CellPlace& place) {
    std::array<std::uint64_t, 9> cell{};
    for (std::int64_t i = 0; i < place.words; ++i) {
      cell[static_cast<std::size_t>(i)] = words[static_cast<std::size_t>(place.word + i * place.word_step)];
    }
    for (std::int64_t slot = 0; slot < place.codes; ++slot) {
      const auto bit = static_cast<std::size_t>(slot * bits);
      const std::uint64_t two = cell[bit / kWordBits] | cell[bit / kWordBits + 1] << kWordBits;
      codes[static_cast<std::size_t>(place.code + code_at(layout, slot) * place.code_step)] =
          static_cast<std::uint8_t>(two >> bit % kWordBits & mask);
    }
  });
}

void subtract_one_from_zeros(std::span<std::uint8_t> zeros) {
  for (auto& zero : zeros) {
    if (zero == 0) throw Error("GPTQ zero points", "a zero point of 0", "1 or more: the format stores it minus one");
    --zero;
  }
}

std::int64_t add_one_to_zeros(std::span<std::uint8_t> zeros, int bits) {
  const int highest = (1 << bits) - 1;
  std::int64_t overflows = 0;
  for (auto& zero : zeros) {
    overflows += zero == highest ? 1 : 0;
    zero = static_cast<std::uint8_t>((zero + 1) & highest);
  }
  return overflows;
}

void add_one_to_zero_words(std::span<std::uint32_t> words, int bits) {
  if (bits != 2 && bits != 4 && bits != 8) {
    throw Error("GPTQ zero points", fmt::format("words of {}-bit codes", bits), "2, 4 or 8 bits");
  }
  const std::uint32_t ones = ~0u / ((1u << bits) - 1);
  for (auto& word : words) word += ones;
}

}  // namespace qreason
