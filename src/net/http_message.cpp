#include "net/http_message.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace qreason {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::optional<std::string> HttpHeaders::find(std::string_view name) const {
  const auto found =
      std::find_if(lines_.rbegin(), lines_.rend(), [&](const auto& line) { return same_name(line.first, name); });
  return found == lines_.rend() ? std::nullopt : std::optional(found->second);
}

bool is_secret_header(std::string_view name) {
  constexpr std::array<std::string_view, 5> kSecret{"authorization", "cookie", "proxy-authorization", "api-key",
                                                    "x-api-key"};
  return std::any_of(kSecret.begin(), kSecret.end(), [&](std::string_view secret) { return same_name(name, secret); });
}

}  // namespace qreason
