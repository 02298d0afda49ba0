// What goes to an HTTP server and what comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qreason {

// Header lines in their order; names compare whatever their case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> lines) : lines_(lines) {}

  void add(std::string name, std::string value) { lines_.emplace_back(std::move(name), std::move(value)); }
  std::optional<std::string> find(std::string_view name) const;  // the last of that name
  auto begin() const { return lines_.begin(); }
  auto end() const { return lines_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

// Headers that prove who asks: Authorization, Cookie, Proxy-Authorization, Api-Key, X-Api-Key. Their values go to the
// origin of the request's own URL alone, not where a redirect leads, and stand in no error.
bool is_secret_header(std::string_view name);

struct HttpLimits {
  double connect_seconds = 30;
  double stall_seconds = 60;                  // without a byte in either direction; also until the answer begins
  std::optional<double> total_seconds = {};   // redirects included
  std::uint64_t body_bytes = 64ull << 20;     // of a successful answer
  std::uint64_t header_bytes = 256ull << 10;  // of one answer
  std::uint64_t failure_bytes = 64ull << 10;  // of another answer's body: what is beyond is not read
  int redirects = 8;
};

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST, ...
  std::string url;             // http or https
  HttpHeaders headers = {};
  std::string body = {};
  std::uint64_t offset = 0;  // more than 0: the bytes from there on are asked for (Range)
  HttpLimits limits = {};
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;
  std::vector<HttpHeaders> redirects = {};  // the headers of the answers that led here, in their order
  std::string body = {};                    // empty where a sink took it
  std::uint64_t offset =
      0;  // where in the whole the body begins: what was asked for (206), or 0 (a server without ranges)
};

}  // namespace qreason
