#include "report/answer_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "report/html.h"

namespace qreason {
namespace {

bool begins_character(std::string_view text, std::size_t at) {
  return at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
}

std::size_t rounded_down(std::string_view text, std::size_t at) {
  while (at > 0 && !begins_character(text, at)) --at;
  return at;
}

using Range = std::pair<std::size_t, std::size_t>;

std::vector<Range> kept_ranges(std::string_view text, std::optional<std::size_t> divergence, std::size_t limit) {
  if (text.size() <= limit) return {{0, text.size()}};
  const std::size_t part = limit / 4;
  std::vector<Range> wanted{{0, part}};
  if (divergence)
    wanted.emplace_back(*divergence - std::min(*divergence, part), std::min(text.size(), *divergence + part));
  wanted.emplace_back(text.size() - part, text.size());
  std::sort(wanted.begin(), wanted.end());
  std::vector<Range> ranges;
  for (auto [begin, end] : wanted) {
    begin = rounded_down(text, begin);
    end = rounded_down(text, end);
    if (!ranges.empty() && begin <= ranges.back().second)
      ranges.back().second = std::max(ranges.back().second, end);
    else
      ranges.emplace_back(begin, end);
  }
  return ranges;
}

}  // namespace

std::optional<std::size_t> divergence_point(std::string_view base, std::string_view own) {
  if (base == own) return std::nullopt;
  const auto [in_base, in_own] = std::mismatch(base.begin(), base.end(), own.begin(), own.end());
  std::size_t at = static_cast<std::size_t>(in_own - own.begin());
  while (at > 0 && !(begins_character(own, at) && begins_character(base, at))) --at;
  return at;
}

KeptText kept_text(std::string_view text, std::optional<std::size_t> divergence, std::size_t limit) {
  KeptText kept;
  std::size_t told = 0;  // bytes that are in a piece or counted as left out
  const auto add = [&](std::size_t begin, std::size_t end) {
    if (begin > told) kept.pieces.push_back(begin - told);
    kept.pieces.push_back(shown_text(text.substr(begin, end - begin)));
    told = end;
  };
  for (const auto& [begin, end] : kept_ranges(text, divergence, limit)) {
    if (divergence && *divergence >= begin && *divergence <= end) {
      if (*divergence > begin) add(begin, *divergence);
      kept.parts = kept.pieces.size();
      add(*divergence, end);
      divergence.reset();
    } else {
      add(begin, end);
    }
  }
  return kept;
}

std::size_t script_length(std::string_view text) {
  std::size_t length = 0;
  for (const char c : shown_text(text)) {
    const auto byte = static_cast<unsigned char>(c);
    length += (byte & 0xC0) != 0x80;
    length += byte >= 0xF0;
  }
  return length;
}

}  // namespace qreason
