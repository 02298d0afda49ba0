#include "study/looping.h"

#include <cstdint>
#include <vector>

namespace qreason {

bool ends_in_loop(std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return false;
  const std::size_t size = end + 1;
  const auto backwards = [&](std::size_t i) { return text[size - 1 - i]; };
  std::vector<std::size_t> prefix(size, 0);  // of backwards(0..i): the longest border
  for (std::size_t i = 1; i < size; ++i) {
    std::size_t border = prefix[i - 1];
    while (border > 0 && backwards(i) != backwards(border)) border = prefix[border - 1];
    prefix[i] = backwards(i) == backwards(border) ? border + 1 : 0;
    const std::size_t length = i + 1, period = length - prefix[i];
    if (length >= kLoopBytes && length >= kLoopCopies * period) return true;
  }
  return false;
}

}  // namespace qreason
