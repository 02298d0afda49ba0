#include "net/exchange.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <utility>

#include "base/interrupt.h"
#include "base/trimmed.h"
#include "base/utf8.h"

namespace qreason {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPollMilliseconds = 150;
constexpr long kReceiveBytes = 256 << 10;

void init_curl_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::optional<std::uint64_t> number_at(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// "bytes FIRST-LAST/SIZE"
std::optional<std::uint64_t> range_begin(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto first = number_at(text);
  return text.starts_with("-") ? first : std::nullopt;
}

bool is_success(int status) {
  return status >= 200 && status <= 299;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& line) { list_ = curl_slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// What the callbacks of one exchange share. They are called by C: nothing may be thrown through them.
class Exchange {
 public:
  Exchange(CurlConnection& connection, const HttpRequest& request, const ExchangeOptions& options)
      : multi_(connection.multi()), easy_(connection.easy()), request_(request), options_(options) {}
  ~Exchange() { curl_easy_reset(easy_); }  // it points here
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  HttpAnswer run() {
    set_up();
    const CURLcode code = perform();
    if (thrown_) std::rethrow_exception(thrown_);
    if (code != CURLE_OK && !ended_early_) throw failure_of(code);
    if (!head_ended_) throw failed(HttpFailure::kCut, "no whole answer");
    check_head();
    HttpAnswer answer{.response = std::move(response_), .location = {}};
    char* location = nullptr;
    if (curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location != nullptr)
      answer.location = location;
    return answer;
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    if (curl_easy_setopt(easy_, option, value) != CURLE_OK)
      throw failed(HttpFailure::kRequest, fmt::format("libcurl does not take its option {}", static_cast<int>(option)));
  }

  HttpError failed(HttpFailure failure, std::string got, std::string expected = "") const {
    return HttpError(failure, request_.url, std::move(got), std::move(expected));
  }

  void set_up() {
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // an interrupt does not wait for a name server
    set(CURLOPT_ERRORBUFFER, message_.data());
    set(CURLOPT_BUFFERSIZE, kReceiveBytes);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(request_.limits.connect_seconds * 1000)));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') set(CURLOPT_CAINFO, file);
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
    set_method();
    set_headers();
  }

  void set_method() {
    if (has_control_character(request_.method) || request_.method.empty())
      throw failed(HttpFailure::kRequest, "a method that is none", "GET, POST, ...");
    if (request_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    const bool has_body = request_.method != "GET" && request_.method != "HEAD";
    if (!has_body && !request_.body.empty())
      throw failed(HttpFailure::kRequest, "a body of a " + request_.method, "none");
    if (!has_body) return;
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
    if (request_.method != "POST") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  void set_headers() {
    const auto has = [&](const char* name) { return request_.headers.find(name).has_value(); };
    if (!has("User-Agent")) headers_.add("User-Agent: qreason");
    if (!has("Accept")) headers_.add("Accept: */*");
    if (!has("Accept-Encoding")) headers_.add("Accept-Encoding: identity");
    headers_.add("Expect:");  // no waiting for a word before the body is sent
    if (request_.offset > 0) headers_.add(fmt::format("Range: bytes={}-", request_.offset));
    for (const auto& [name, value] : request_.headers) {
      const bool named = !name.empty() && name.find_first_of(": ;") == std::string::npos;
      if (!named || has_control_character(name) || has_control_character(value))
        throw failed(HttpFailure::kRequest,
                     fmt::format("the header {} with a character that no header has", escaped(name)),
                     "text in one line");
      // libcurl takes "Name;" for a header without a value.
      headers_.add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    }
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  // The transfer is taken out again however this ends.
  CURLcode perform() {
    struct Membership {
      CURLM* multi;
      CURL* easy;
      ~Membership() { curl_multi_remove_handle(multi, easy); }
    };
    if (curl_multi_add_handle(multi_, easy_) != CURLM_OK)
      throw failed(HttpFailure::kRequest, "libcurl takes no request");
    const Membership membership{.multi = multi_, .easy = easy_};
    moved_ = Clock::now();
    for (int running = 1;;) {
      if (curl_multi_perform(multi_, &running) != CURLM_OK) throw failed(HttpFailure::kCut, "libcurl failed");
      if (running == 0) break;
      look_around();
      curl_waitfd signal{.fd = interrupt_descriptor(), .events = CURL_WAIT_POLLIN, .revents = 0};
      curl_multi_poll(multi_, &signal, signal.fd >= 0 ? 1 : 0, kPollMilliseconds, nullptr);
    }
    int queued = 0;
    const CURLMsg* message = curl_multi_info_read(multi_, &queued);
    return message == nullptr ? CURLE_GOT_NOTHING : message->data.result;
  }

  void look_around() {
    check_interrupt();
    if (*options_.watch) (*options_.watch)();
    if (options_.deadline->passed())
      throw failed(HttpFailure::kStalled, fmt::format("it took more than {:g} s", options_.deadline->seconds()));
    const double still = std::chrono::duration<double>(Clock::now() - moved_).count();
    curl_off_t connected = 0;  // until then the limit is the connection's
    curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected > 0 && still > request_.limits.stall_seconds)
      throw failed(HttpFailure::kStalled, fmt::format("no byte for {:g} s", request_.limits.stall_seconds));
    if (connected == 0) moved_ = Clock::now();
  }

  HttpError failure_of(CURLcode code) const {
    const std::string said = message_[0] != '\0' ? escaped(message_.data()) : curl_easy_strerror(code);
    long proxy = 0, system = 0;
    curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &proxy);
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &system);
    if (proxy > 299) return failed(HttpFailure::kConnect, fmt::format("the proxy answers {}", proxy));
    switch (code) {
      case CURLE_URL_MALFORMAT:
        return failed(HttpFailure::kRequest, "no address that can be read", "http://... or https://...");
      case CURLE_COULDNT_RESOLVE_HOST:
      case CURLE_COULDNT_RESOLVE_PROXY:
        return failed(HttpFailure::kNoHost, "no connection: " + said);
      case CURLE_COULDNT_CONNECT:
      case CURLE_OPERATION_TIMEDOUT:
      case CURLE_PROXY:
        return failed(HttpFailure::kConnect, "no connection: " + said);
      case CURLE_SSL_CONNECT_ERROR:
        if (system == ECONNRESET || system == EPIPE)
          return failed(HttpFailure::kCut, "the connection was cut: " + said);
        [[fallthrough]];
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CERTPROBLEM:
      case CURLE_SSL_CIPHER:
      case CURLE_SSL_ISSUER_ERROR:
      case CURLE_SSL_INVALIDCERTSTATUS:
      case CURLE_SSL_SHUTDOWN_FAILED:
        return failed(HttpFailure::kTls, "no secure connection: " + said);
      case CURLE_UNSUPPORTED_PROTOCOL:
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_BAD_CONTENT_ENCODING:
        return failed(HttpFailure::kProtocol, "no HTTP answer: " + said);
      default:
        return failed(HttpFailure::kCut, "the connection was cut: " + said);
    }
  }

  // 0 tells libcurl to end the transfer; `size` to go on.
  template <class Work>
  std::size_t guarded(std::size_t size, Work&& work) {
    moved_ = Clock::now();
    bool goes_on = false;
    try {
      goes_on = work();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    moved_ = Clock::now();  // what the receiver took is not the server's
    if (!goes_on && !thrown_) ended_early_ = true;
    return goes_on ? size : 0;
  }

  static std::size_t on_header(char* data, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::string_view line(data, one * count);
    return exchange.guarded(line.size(), [&] { return exchange.take_header(line); });
  }

  static std::size_t on_body(char* data, std::size_t one, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const std::string_view chunk(data, one * count);
    if (chunk.empty()) return 0;
    return exchange.guarded(chunk.size(), [&] { return exchange.take_body(chunk); });
  }

  static int on_progress(void* self, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*to_send*/,
                         curl_off_t sent) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (sent != exchange.sent_) exchange.moved_ = Clock::now();
    exchange.sent_ = sent;
    return 0;
  }

  // Every answer begins anew: what came before were interim ones (1xx), whose length counts too. Trailers come when the
  // body is there, and are dropped.
  bool take_header(std::string_view line) {
    if (line.starts_with("HTTP/") && received_ == 0) {
      response_ = {};
      response_.redirects = *options_.redirects;
      head_ended_ = head_checked_ = false;
    }
    if (trimmed(line).empty()) head_ended_ = true;
    header_bytes_ += line.size();
    if (header_bytes_ > request_.limits.header_bytes)
      throw failed(HttpFailure::kTooLarge, fmt::format("headers of more than {} bytes", request_.limits.header_bytes));
    long status = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    const std::size_t colon = line.find(':');
    if (received_ == 0 && !line.starts_with("HTTP/") && colon != std::string_view::npos)
      response_.headers.add(std::string(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1))));
    return true;
  }

  // Before the first byte of a body, or at its end when it has none.
  void check_head() {
    if (std::exchange(head_checked_, true) || !is_success(response_.status)) return;
    const auto encoding = response_.headers.find("Content-Encoding");
    if (encoding && *encoding != "identity" && !encoding->empty())
      throw failed(HttpFailure::kProtocol, fmt::format("a body encoded as \"{}\"", escaped(encoding->substr(0, 40))),
                   "one as it is");
    if (request_.offset == 0 || response_.status != 206) return;
    const auto range = response_.headers.find("Content-Range");
    const auto begin = range ? range_begin(*range) : std::nullopt;
    if (begin != request_.offset)
      throw failed(HttpFailure::kProtocol, fmt::format("the range \"{}\"", escaped(range.value_or("").substr(0, 80))),
                   fmt::format("bytes from {} on", request_.offset));
    response_.offset = request_.offset;
  }

  bool take_body(std::string_view chunk) {
    check_head();
    const bool good = is_success(response_.status);
    const std::uint64_t limit = good ? request_.limits.body_bytes : request_.limits.failure_bytes;
    received_ += chunk.size();
    if (received_ > limit && good)
      throw failed(HttpFailure::kTooLarge, fmt::format("a body of more than {} bytes", limit));
    if (good && options_.sink != nullptr) return (*options_.sink)(response_, chunk) == HttpClient::Flow::kGoOn;
    response_.body += chunk.substr(0, limit - std::min<std::uint64_t>(limit, response_.body.size()));
    return received_ <= limit;
  }

  CURLM* multi_;
  CURL* easy_;
  const HttpRequest& request_;
  const ExchangeOptions& options_;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> message_{};
  HttpResponse response_;
  std::uint64_t received_ = 0, header_bytes_ = 0;
  curl_off_t sent_ = 0;
  bool head_ended_ = false, head_checked_ = false, ended_early_ = false;
  Clock::time_point moved_;
  std::exception_ptr thrown_;
};

}  // namespace

CurlConnection::CurlConnection()
    : multi_((init_curl_once(), curl_multi_init()), [](void* multi) { curl_multi_cleanup(multi); }),
      easy_(curl_easy_init(), [](void* easy) { curl_easy_cleanup(easy); }) {
  if (!multi_ || !easy_) throw Error("libcurl", "it does not start");
}

void CurlConnection::renew() {
  if (void* fresh = curl_easy_init(); fresh != nullptr) easy_.reset(fresh);
}

HttpAnswer exchange(CurlConnection& connection, const HttpRequest& request, const ExchangeOptions& options) {
  try {
    return Exchange(connection, request, options).run();
  } catch (...) {
    connection.renew();
    throw;
  }
}

}  // namespace qreason
