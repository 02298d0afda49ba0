// Four circulant matrices A, B, C, D of +-1 and order n with A A^T + B B^T + C C^T + D D^T = 4 n I make a Hadamard
// matrix of order 4 n in the array of Goethals and Seidel (1967), R being the order's reversed identity:
//
//     A     B R     C R     D R
//    -B R   A      -D^T R   C^T R
//    -C R   D^T R   A      -B^T R
//    -D R  -C^T R   B^T R   A
//
// The first rows of the circulants were found by a search among those that a group of multipliers modulo n leaves as
// they are. They are a table for orders that Paley's matrices do not reach: 92 and 172 (Baumert, Golomb and Hall 1962,
// Williamson 1944, had others), 116, 156, 292 and 476.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace qreason {

// The first rows of A, B, C and D, "+" and "-", n each; empty where the table has none of that n.
std::span<const std::string_view> goethals_seidel_sequences(std::int64_t n);

// A row of the matrix of order 4 n; n is in the table.
std::vector<std::int8_t> goethals_seidel_row(std::int64_t n, std::int64_t index);

}  // namespace qreason
