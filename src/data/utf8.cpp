#include "data/utf8.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/utf8.h"

namespace qreason {
namespace {

std::size_t valid_prefix(std::string_view text) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t length = utf8_character_length(text.substr(position));
    if (length == 0) break;
    position += length;
  }
  return position;
}

}  // namespace

bool is_utf8(std::string_view text) {
  return valid_prefix(text) == text.size();
}

void require_utf8(std::string_view text, const std::string& where) {
  const std::size_t valid = valid_prefix(text);
  if (valid < text.size())
    throw Error(where, fmt::format("bytes that are not UTF-8 at offset {}", valid), "UTF-8 text");
}

}  // namespace qreason
