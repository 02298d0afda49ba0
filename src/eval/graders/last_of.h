// Where a phrase stands last in a long text.
#pragma once

#include <cstring>
#include <string_view>

namespace qreason {

// text.rfind(phrase) at the speed of memory: from one occurrence of the phrase's last byte to the one before. `phrase`
// is not empty.
inline std::size_t last_of(std::string_view text, std::string_view phrase) {
  while (text.size() >= phrase.size()) {
    const void* found = ::memrchr(text.data(), phrase.back(), text.size());
    if (found == nullptr) break;
    text = text.substr(0, static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) + 1);
    if (text.ends_with(phrase)) return text.size() - phrase.size();
    text.remove_suffix(1);
  }
  return std::string_view::npos;
}

}  // namespace qreason
