// Lists of words, written as one text with spaces between them, as what is looked up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_set>

namespace qreason {

using WordSet = std::unordered_set<std::string_view>;  // views of the text

inline WordSet word_set(std::string_view text) {
  WordSet words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.insert(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace qreason
