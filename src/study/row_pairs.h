// Rows of a table compared two by two on the same problems: models of equal size, and a model that thinks longer with
// itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/seed_group.h"
#include "study/statistics.h"

namespace qreason {

struct RowPair {
  std::size_t first = 0, second = 0;  // of the rows
  PairStatistics statistics;          // second - first
  std::optional<double> p_holm;       // adjusted for all pairs that are returned together
  // Problems that would find a difference of the size seen with a power of 0.8, with as many seeds (study/power.h);
  // nullopt where there is none.
  std::optional<std::int64_t> problems_to_find;
};

// Each of these pairs (first, second) whose groups have the same problems.
std::vector<RowPair> compare_rows(const std::vector<const SeedGroup*>& groups,
                                  const std::vector<std::pair<std::size_t, std::size_t>>& pairs);

struct SizedRow {
  std::string origin;     // the model that it was made from: rows of one are no pair
  double bytes = 0;       // of its weights
  double full_bytes = 0;  // of the weights of its origin
  const SeedGroup* group = nullptr;
};
inline constexpr double kEqualSize = 1.1;  // the most by which sizes of a pair differ, as a ratio

// Rows of different models that are of equal size: first the smaller model with more bits, second the larger one with
// fewer; by size, the smallest first.
std::vector<RowPair> pairs_of_equal_size(const std::vector<SizedRow>& rows);

}  // namespace qreason
