#include "net/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <cctype>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/utf8.h"

namespace qreason {
namespace {

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
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

// Nothing where it cannot be read.
using ParsedUrl = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;
ParsedUrl parsed_url(const std::string& url) {
  ParsedUrl parsed(curl_url(), curl_url_cleanup);
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) parsed.reset();
  return parsed;
}

// Without what stands before the host: up to the last @ that is before its end or, where what is left cannot be read
// then, the last of all.
std::string without_user(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const auto stripped = [&](std::size_t end) {
    const std::size_t user = url.rfind('@', end);
    std::string rest = url;
    if (user != std::string::npos && user >= host && user < end) rest.erase(host, user + 1 - host);
    return rest;
  };
  const std::string plain = stripped(std::min(url.find_first_of("/?#", host), url.size()));
  return parsed_url(plain) ? plain : stripped(url.size());
}

}  // namespace

UrlOrigin origin_of(const std::string& url) {
  const ParsedUrl parsed = parsed_url(url);
  if (!parsed) throw Error(shown_url(url), "no address that can be read", "http://... or https://...");
  return {.scheme = lower_case(part_of(parsed.get(), CURLUPART_SCHEME)),
          .host = lower_case(part_of(parsed.get(), CURLUPART_HOST)),
          .port = part_of(parsed.get(), CURLUPART_PORT)};
}

std::string shown_url(const std::string& url) {
  constexpr std::size_t kLongest = 200;
  std::string shown = without_user(url);
  shown = shown.substr(0, shown.find_first_of("?#"));
  if (shown.size() > kLongest) shown = shown.substr(0, kLongest) + "...";
  return escaped(shown);
}

std::string without_passwords(std::string_view text) {
  constexpr std::string_view kMark = "://";
  std::string plain;
  while (!text.empty()) {
    const std::size_t mark = text.find(kMark);
    const std::size_t end = mark == std::string_view::npos ? mark : text.find_first_of(" \t\r\n\"'<>", mark);
    const std::size_t begin = mark == std::string_view::npos ? mark : text.find_last_of(" \t\r\n\"'<>=(", mark) + 1;
    if (mark == std::string_view::npos) return plain.append(text);
    plain.append(text.substr(0, begin));
    plain += without_user(std::string(text.substr(begin, end - begin)));
    text.remove_prefix(std::min(end, text.size()));
  }
  return plain;
}

std::string password_of(const std::string& url) {
  const ParsedUrl parsed = parsed_url(url);
  char* text = nullptr;
  if (!parsed || curl_url_get(parsed.get(), CURLUPART_PASSWORD, &text, CURLU_URLDECODE) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

std::string url_segment(std::string_view text) {
  return percent_encoded(text, "-._~");
}

std::string url_path(std::string_view path) {
  return percent_encoded(path, "-._~/");
}

}  // namespace qreason
