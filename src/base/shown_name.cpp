#include "base/shown_name.h"

namespace qreason {

std::string shown_name(std::string_view name) {
  constexpr std::size_t kLongest = 120;
  std::string shown;
  for (const char c : name.substr(0, kLongest)) shown += c >= ' ' && c <= '~' ? c : '?';
  return name.size() > kLongest ? shown + "..." : shown;
}

}  // namespace qreason
