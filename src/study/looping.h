// Whether a text ends in a loop: the failure of quantized reasoning models that say one thing again and again until
// their tokens are used up.
#pragma once

#include <cstddef>
#include <string_view>

namespace qreason {

// White space at the end aside, the text ends in at least kLoopCopies equal blocks, one right after the other, that
// cover at least kLoopBytes together (the last one may break off). Blocks may have any length; a loop that changes a
// word each time, or that the text comes out of, is none. Linear in the text: by the prefix function of Knuth, Morris,
// Pratt (1977) of the text read backwards, whose length - prefix(length) is the least period of every end.
inline constexpr std::size_t kLoopCopies = 4;
inline constexpr std::size_t kLoopBytes = 200;
bool ends_in_loop(std::string_view text);

}  // namespace qreason
