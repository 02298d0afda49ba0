#include "eval/graders/math/anchors.h"

#include <cstring>
#include <vector>

namespace qreason::math {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// What is looked for first of an anchor: the rarest byte of "answer", of the others their last.
constexpr auto kPivots = [] {
  std::array<std::size_t, kAnchors.size()> pivots{};
  for (std::size_t i = 0; i < kAnchors.size(); ++i) {
    const std::size_t w = kAnchors[i].find('w');
    pivots[i] = w == kNowhere ? kAnchors[i].size() - 1 : w;
  }
  return pivots;
}();

bool stands_at(std::string_view text, std::size_t at, std::string_view anchor) {
  if (at + anchor.size() > text.size()) return false;
  for (std::size_t i = 0; i < anchor.size(); ++i)
    if (lower(text[at + i]) != anchor[i]) return false;
  return true;
}

using Places = std::array<std::size_t, kAnchors.size()>;

void search(std::string_view text, char pivot, const std::vector<std::size_t>& anchors, Places& places) {
  std::size_t missing = anchors.size();
  std::vector<std::size_t> found(anchors.size(), kNowhere);
  for (std::size_t end = text.size(); end > 0 && missing > 0;) {
    const void* place = ::memrchr(text.data(), pivot, end);
    if (place == nullptr) break;
    end = static_cast<std::size_t>(static_cast<const char*>(place) - text.data());
    const char before = end > 0 ? lower(text[end - 1]) : '\0';
    for (std::size_t i = 0; i < anchors.size(); ++i) {
      const std::string_view anchor = kAnchors[anchors[i]];
      const std::size_t offset = kPivots[anchors[i]];
      if (found[i] != kNowhere || anchor[offset - 1] != before || end < offset) continue;
      if (!stands_at(text, end - offset, anchor)) continue;
      found[i] = end - offset;
      --missing;
    }
  }
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    std::size_t& known = places[anchors[i]];
    if (found[i] != kNowhere && (known == kNowhere || found[i] > known)) known = found[i];
  }
}

}  // namespace

Places last_anchors(std::string_view text) {
  Places places;
  places.fill(kNowhere);
  std::vector<char> pivots;
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < kAnchors.size(); ++i) {
    const char pivot = kAnchors[i][kPivots[i]];
    std::size_t group = 0;
    while (group < pivots.size() && pivots[group] != pivot) ++group;
    if (group == pivots.size()) {
      pivots.push_back(pivot);
      groups.emplace_back();
    }
    groups[group].push_back(i);
  }
  for (std::size_t group = 0; group < pivots.size(); ++group) {
    search(text, pivots[group], groups[group], places);
    if (pivots[group] == 'w') search(text, 'W', groups[group], places);
  }
  return places;
}

}  // namespace qreason::math
