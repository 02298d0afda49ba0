#include "net/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"

namespace qreason {
namespace {

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || kept.find(c) != std::string_view::npos);
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return encoded;
}

}  // namespace

UrlOrigin origin_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    throw Error(shown_url(url), "no address that can be read", "http://... or https://...");
  return {.scheme = lower(part_of(parsed.get(), CURLUPART_SCHEME)),
          .host = lower(part_of(parsed.get(), CURLUPART_HOST)),
          .port = part_of(parsed.get(), CURLUPART_PORT)};
}

std::string shown_url(const std::string& url) {
  constexpr std::size_t kLongest = 200;
  std::string shown = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = shown.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  // Backslashes end a host for some readers: what stands before a later @ is struck out as well.
  const std::size_t end = std::min(shown.find('/', host), shown.size());
  if (const std::size_t user = shown.rfind('@', end); user != std::string::npos && user >= host && user < end)
    shown.erase(host, user + 1 - host);
  if (shown.size() > kLongest) shown = shown.substr(0, kLongest) + "...";
  return escaped(shown);
}

std::string url_segment(std::string_view text) {
  return percent_encoded(text, "-._~");
}

std::string url_path(std::string_view path) {
  return percent_encoded(path, "-._~/");
}

}  // namespace qreason
