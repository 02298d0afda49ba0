// Why a request failed.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "net/http_message.h"

namespace qreason {

enum class HttpFailure {
  kRequest,   // the URL or a header cannot be sent
  kNoHost,    // nobody knows the name
  kConnect,   // refused, no answer in time, a proxy that refuses
  kTls,       // no trusted certificate, no common protocol
  kCut,       // the connection ended before the answer did
  kStalled,   // no byte for too long, or the whole took too long
  kTooLarge,  // headers or a body beyond the limits
  kRedirect,  // a circle, too many, or one that would leave https
  kProtocol,  // an answer that is no HTTP, or not the range that was asked for
  kStatus     // another answer than 2xx: response() is it
};

// Its line names the URL without user, password and query, and no header that is a secret.
class HttpError : public Error {
 public:
  HttpError(HttpFailure failure, const std::string& url, std::string got, std::string expected = "");
  // Of kStatus. `secrets` are struck out of what the server says.
  HttpError(const std::string& url, HttpResponse response, const std::vector<std::string>& secrets);

  HttpFailure failure() const { return failure_; }
  int status() const { return response_.status; }  // 0 unless kStatus
  const HttpResponse& response() const { return response_; }
  // What the server's Retry-After asks for, in seconds; without one, of an exhausted RateLimit (r=0;t=SECONDS, as
  // huggingface.co sends it) the time until it is filled again.
  std::optional<double> retry_after() const;

 private:
  HttpFailure failure_;
  HttpResponse response_;
};

// What a server says in a failure's body, in one line without control characters, at most 200 characters: `message` or
// `error` of a JSON object, else the text unless it is HTML; empty when there is nothing to show.
std::string failure_text(const HttpResponse& response);

}  // namespace qreason
