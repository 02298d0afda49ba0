#include "net/http_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/exchange.h"
#include "net/url.h"

namespace qreason {
namespace {

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// A text in a header, or a part of it after the scheme ("Bearer ..."), or the URL's password, that a server may send
// back.
std::vector<std::string> secrets_of(const HttpRequest& request) {
  std::vector<std::string> secrets{password_of(request.url)};
  for (const auto& [name, value] : request.headers) {
    if (!is_secret_header(name)) continue;
    secrets.push_back(value);
    if (const std::size_t space = value.find_last_of(' '); space != std::string::npos)
      secrets.push_back(value.substr(space + 1));
  }
  return secrets;
}

HttpHeaders without_secrets(const HttpHeaders& headers) {
  HttpHeaders open;
  for (const auto& [name, value] : headers)
    if (!is_secret_header(name)) open.add(name, value);
  return open;
}

void require_scheme(const UrlOrigin& origin, const std::string& url) {
  if (origin.scheme != "http" && origin.scheme != "https")
    throw HttpError(HttpFailure::kRequest, url, fmt::format("the scheme \"{}\"", origin.scheme), "http or https");
}

UrlOrigin origin_to_ask(const std::string& url) {
  try {
    UrlOrigin origin = origin_of(url);
    require_scheme(origin, url);
    return origin;
  } catch (const HttpError&) {
    throw;
  } catch (const Error&) {
    throw HttpError(HttpFailure::kRequest, url, "no address that can be read", "http://... or https://...");
  }
}

// The request that a redirect leads to.
HttpRequest redirected(const HttpRequest& request, const UrlOrigin& from, const HttpAnswer& answer) {
  const int status = answer.response.status;
  const auto refuse = [&](const std::string& got, const std::string& expected) {
    throw HttpError(HttpFailure::kRedirect, request.url, got, expected);
  };
  if (answer.location.empty()) refuse(fmt::format("a redirect ({}) to nowhere", status), "a Location");
  const bool asks_only = request.method == "GET" || request.method == "HEAD";
  if (!asks_only && status != 307 && status != 308)
    refuse(fmt::format("a redirect ({}) of a {}", status, request.method), "an address that answers itself");
  UrlOrigin to;
  try {
    to = origin_of(answer.location);
  } catch (const Error&) {
    refuse("a redirect to no address", "http://... or https://...");
  }
  if (to.scheme != "https" && (to.scheme != "http" || from.scheme == "https"))
    refuse(fmt::format("a redirect to {}", shown_url(answer.location)),
           from.scheme == "https" ? "https still" : "http or https");
  HttpRequest next = request;
  next.url = answer.location;
  if (to != from) next.headers = without_secrets(next.headers);
  return next;
}

}  // namespace

struct HttpClient::State {
  CurlConnection connection;
  Options options;

  HttpResponse send(HttpRequest request, const Sink* sink) {
    const std::vector<std::string> secrets = secrets_of(request);
    const Deadline deadline(request.limits.total_seconds);
    std::vector<HttpHeaders> redirects;
    for (;;) {
      const UrlOrigin origin = origin_to_ask(request.url);
      HttpAnswer answer = exchange(
          connection, request, {.sink = sink, .watch = &options.watch, .deadline = &deadline, .redirects = &redirects});
      HttpResponse& response = answer.response;
      if (is_redirect(response.status)) {
        if (static_cast<int>(redirects.size()) >= request.limits.redirects)
          throw HttpError(HttpFailure::kRedirect, request.url,
                          fmt::format("more than {} redirects", request.limits.redirects), "an answer");
        request = redirected(request, origin, answer);
        redirects.push_back(std::move(response.headers));
        continue;
      }
      if (response.status < 200 || response.status > 299) throw HttpError(request.url, std::move(response), secrets);
      return std::move(response);
    }
  }
};

HttpClient::HttpClient(Options options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

HttpResponse HttpClient::fetch(const HttpRequest& request) {
  return state_->send(request, nullptr);
}

HttpResponse HttpClient::stream(const HttpRequest& request, const Sink& sink) {
  return state_->send(request, &sink);
}

}  // namespace qreason
