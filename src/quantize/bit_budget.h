// Spending a budget of bytes on the parts of a model: a choice for every part, the sizes together within the budget,
// the losses together as small as they can be. This is the multiple-choice knapsack problem (Kellerer, Pferschy,
// Pisinger 2004, chapter 11), solved exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace qreason {

struct BitChoice {
  std::int64_t size = 0;  // bytes, 0 or more
  double loss = 0;        // finite
};
using BitPart = std::vector<BitChoice>;  // what one part may take, at least one

// The index of every part's choice. Of several with the least loss one of the smallest size, always the same one.
//
// Dynamic programming over the parts: what a beginning of them can reach is kept as the list of (size, loss) pairs of
// which none is better in both. A pair is dropped where even the bound below keeps all that continues it from being
// better than a solution that is known: with any price p >= 0 of a byte the parts behind it lose at least
//     sum of min over choices (loss + p size) - p (bytes that are left),
// and p is the smallest price at which what is cheapest for each part fits the budget together: the known solution.
// Losses are summed in the order of the parts, in double.
//
// A part without choices, a negative size and a loss that is not finite are Errors naming the part. A budget below the
// smallest sizes together is one (usage).
std::vector<std::size_t> spend_bits(std::span<const BitPart> parts, std::int64_t budget);

}  // namespace qreason
