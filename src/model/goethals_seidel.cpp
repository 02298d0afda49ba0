#include "model/goethals_seidel.h"

#include <array>

namespace qreason {
namespace {

struct Sequences {
  std::int64_t n;
  std::array<std::string_view, 4> rows;
};

constexpr std::array kTable{
    Sequences{
        23,
        {"+--++---+-+--+-+---++--", "+-+++++---+--+---+++++-", "++-+-++-+--++--+-++-+-+", "+---+++++++--+++++++---"}},
    Sequences{29,
              {"+++--+++-+-++-++-++-+-+++--++", "++-++++----+--++--+----++++-+", "+--++-+-+-++++--++++-+-+-++--",
               "++-+++------+-++-+------+++-+"}},
    Sequences{39,
              {"+-+-++-++-++-----+-+++-+++--+--++++--++", "+++--+------+-+-+--+-++-+---++++++-++--",
               "+-+-++----+--+---+-+-+-++++-+--+++----+", "++--+-+++-++--+++++-++++++---+---+++-++"}},
    Sequences{43,
              {"+-+---+-+++--+++-+----++++-+---++---+-+++-+", "++--+-+---++----+----+-++------+---+--+-++-",
               "+--+-++--++-++++-+-++--+++-----+-+--+++-+--", "++-+++---+-+++++++-+++---+-------+-+++---+-"}},
    Sequences{73,
              {"+++-+---+--+-+-++----++--+++-++++--+-+----+++--+-++++-++--+-+++-+--+--+--",
               "+--+--+----++--+-+-+-+++++-+--+--+++--+---+-+++++++--++----+++-+--+++-+--",
               "+----+-+-+++--++--+-+++--+-++-+----++--++++-+--+-++---+-++--++---+-+-++++",
               "+------------+---+-------+++-+-+-+++-------+-+---++++++---++-+++--+++-+--"}},
    Sequences{119,
              {"+----------+-+-----+-+++--+--+---+-+-+++--+-+-++-+--+--+-+++-----++--+++--+-++++---++--+++--+-++--++"
               "-+-++--+-+++-++++++",
               "+++++++-+++-+--++-+-+---++-+--+++---+---++-+-+--+-++-++-----+++-+--+----++-+----+++--++---+--+--++--"
               "+-+---+-+----------",
               "+++-+--+++---++++-++-----++-+-+-++--+-+----+---+--++++-++--++--++-++-+--+---+----+-+-+++-+-+-++-----"
               "+++++++---+++--+-++",
               "+----------+-+-----+--++--+--+---+---+++----+-++---++--+-+++-----++--+-+--+-+-++---+-+-+++--+-++---+"
               "-++++--+-+++-++++++"}}};

// A place of the array: a circulant, as it is or transposed, its columns reversed (R) or not.
struct Place {
  int circulant, sign;
  bool transposed, reversed;
};
constexpr bool kTransposed = true, kReversed = true;
constexpr Place kArray[4][4] = {{{0, 1, !kTransposed, !kReversed},
                                 {1, 1, !kTransposed, kReversed},
                                 {2, 1, !kTransposed, kReversed},
                                 {3, 1, !kTransposed, kReversed}},
                                {{1, -1, !kTransposed, kReversed},
                                 {0, 1, !kTransposed, !kReversed},
                                 {3, -1, kTransposed, kReversed},
                                 {2, 1, kTransposed, kReversed}},
                                {{2, -1, !kTransposed, kReversed},
                                 {3, 1, kTransposed, kReversed},
                                 {0, 1, !kTransposed, !kReversed},
                                 {1, -1, kTransposed, kReversed}},
                                {{3, -1, !kTransposed, kReversed},
                                 {2, -1, kTransposed, kReversed},
                                 {1, 1, kTransposed, kReversed},
                                 {0, 1, !kTransposed, !kReversed}}};

}  // namespace

std::span<const std::string_view> goethals_seidel_sequences(std::int64_t n) {
  for (const Sequences& entry : kTable) {
    if (entry.n == n) return entry.rows;
  }
  return {};
}

std::vector<std::int8_t> goethals_seidel_row(std::int64_t n, std::int64_t index) {
  const std::span<const std::string_view> rows = goethals_seidel_sequences(n);
  const std::int64_t block = index / n, i = index % n;
  std::vector<std::int8_t> row;
  for (const Place& place : kArray[block]) {
    const std::string_view first = rows[static_cast<std::size_t>(place.circulant)];
    for (std::int64_t column = 0; column < n; ++column) {
      const std::int64_t j = place.reversed ? n - 1 - column : column;
      const std::int64_t shift = place.transposed ? i - j : j - i;
      const int value = first[static_cast<std::size_t>((shift + n) % n)] == '+' ? 1 : -1;
      row.push_back(static_cast<std::int8_t>(place.sign * value));
    }
  }
  return row;
}

}  // namespace qreason
