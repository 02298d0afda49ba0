#include "base/plain_file_name.h"

#include <algorithm>
#include <cctype>

namespace qreason {

bool is_plain_file_name(std::string_view name) {
  const auto plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '-' || c == '_' || c == '.' || (byte < 0x80 && std::isalnum(byte) != 0);
  };
  return !name.empty() && name.size() <= 200 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), plain);
}

bool is_plain_file_path(std::string_view path) {
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (!is_plain_file_name(path.substr(0, end))) return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

}  // namespace qreason
