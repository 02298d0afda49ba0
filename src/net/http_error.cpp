#include "net/http_error.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "net/url.h"

namespace qreason {
namespace {

constexpr std::size_t kLongestText = 200;

std::string struck_out(std::string text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets)
    for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;)
      text.replace(at, secret.size(), "***");
  return text;
}

std::string without_secrets(HttpResponse& response, const std::vector<std::string>& secrets) {
  response.body = struck_out(std::move(response.body), secrets);
  const std::string said = failure_text(response);
  return fmt::format("status {}{}", response.status, said.empty() ? "" : " (" + said + ")");
}

std::optional<double> refill_seconds(const std::string& limit) {
  const std::size_t at = limit.find(";t=");
  if (at == std::string::npos || limit.find(";r=0;") == std::string::npos) return std::nullopt;
  unsigned seconds = 0;
  const auto [end, failure] = std::from_chars(limit.data() + at + 3, limit.data() + limit.size(), seconds);
  return failure == std::errc{} ? std::optional<double>(seconds) : std::nullopt;
}

// `message` or `error`, which may be an object with a message in it (OpenAI's form).
std::string json_message(const nlohmann::json& json, int depth = 0) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || depth > 2) return "";
  for (const char* key : {"message", "error", "detail"})
    if (const auto found = json.find(key); found != json.end())
      if (std::string text = json_message(*found, depth + 1); !text.empty()) return text;
  return "";
}

}  // namespace

HttpError::HttpError(HttpFailure failure, const std::string& url, std::string got, std::string expected)
    : Error(shown_url(url), std::move(got), std::move(expected)), failure_(failure) {}

HttpError::HttpError(const std::string& url, HttpResponse response, const std::vector<std::string>& secrets)
    : Error(shown_url(url), without_secrets(response, secrets)),
      failure_(HttpFailure::kStatus),
      response_(std::move(response)) {}

std::optional<double> HttpError::retry_after() const {
  const auto text = response_.headers.find("Retry-After");
  if (!text) return refill_seconds(response_.headers.find("RateLimit").value_or(""));
  double seconds = 0;
  const auto [end, failure] =
      std::from_chars(text->data(), text->data() + text->size(), seconds, std::chars_format::fixed);
  if (failure == std::errc{} && end == text->data() + text->size() && seconds >= 0) return seconds;
  const time_t date = curl_getdate(text->c_str(), nullptr);
  if (date < 0) return std::nullopt;
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return std::max(0.0, std::difftime(date, now));
}

std::string failure_text(const HttpResponse& response) {
  std::string text = response.body;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text[first] == '<') return "";
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_discarded()) text = json_message(json);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  if (text.size() > kLongestText) {
    std::size_t end = kLongestText;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return escaped(text);
}

}  // namespace qreason
