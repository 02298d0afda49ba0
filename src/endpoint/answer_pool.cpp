#include "endpoint/answer_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "endpoint/patience.h"
#include "net/url.h"

namespace qreason {
namespace {

constexpr std::int64_t kFewestInRow = 4;
constexpr auto kLook = std::chrono::milliseconds(100);

struct Stopped {};

bool refuses_everybody(const HttpError& error) {
  const int status = error.status();
  return status == 401 || status == 403 || status == 404 || error.failure() == HttpFailure::kTls ||
         error.failure() == HttpFailure::kRequest;
}

// vLLM: "This model's maximum context length is ..."; llama.cpp: "exceeds the available context size", of type
// exceed_context_size_error; OpenAI: code context_length_exceeded.
bool says_no_room(const HttpError& error) {
  if (error.status() != 400 && error.status() != 413) return false;
  const std::string& said = error.response().body;
  constexpr std::array kWords{"maximum context length", "context size", "exceed_context_size",
                              "context_length_exceeded"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](const char* words) { return said.find(words) != std::string::npos; });
}

}  // namespace

AnswerPool::AnswerPool(Options options) : options_(std::move(options)) {}

AnswerPool::~AnswerPool() {
  stop();
  for (std::thread& thread : threads_) thread.join();
}

void AnswerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  job_ready_.notify_all();
}

void AnswerPool::submit(Job job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  ++submitted_;
  const auto threads = static_cast<std::int64_t>(threads_.size());
  const auto wanted = in_work_ + static_cast<std::int64_t>(jobs_.size());
  if (threads < std::min(wanted, options_.requests)) threads_.emplace_back([this] { work(); });
  job_ready_.notify_one();
}

std::optional<AnswerPool::Done> AnswerPool::next() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!done_.empty()) {
      Done done = std::move(done_.front());
      done_.pop_front();
      return done;
    }
    if (fatal_) std::rethrow_exception(fatal_);
    if (jobs_.empty() && in_work_ == 0) break;
    lock.unlock();
    check_interrupt();
    lock.lock();
    done_ready_.wait_for(lock, kLook);
  }
  if (!first_failure_) return std::nullopt;
  try {
    std::rethrow_exception(std::exchange(first_failure_, nullptr));
  } catch (const Error& error) {
    throw Error(shown_url(options_.address.url),
                fmt::format("{} of {} requests failed, the first with: {}", failed_, submitted_, error.what()),
                "all answers; the others are kept, and the same command asks for these again");
  }
}

void AnswerPool::work() {
  ServerConnection connection(
      options_.address, {.silence_seconds = options_.silence_seconds, .pulse = &pulse_, .watch = [this] { watch(); }});
  for (;;) {
    std::unique_lock lock(mutex_);
    job_ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    ++in_work_;
    lock.unlock();
    try {
      serve(connection, job);
    } catch (const Stopped&) {
      return;
    } catch (...) {
      fail(std::current_exception());
    }
    done_ready_.notify_one();
  }
}

void AnswerPool::serve(ServerConnection& connection, const Job& job) {
  using Clock = std::chrono::steady_clock;
  const Patience patience{.policy = options_.policy,
                          .place = shown_url(options_.address.url),
                          .watch = [this] { watch(); },
                          .on_again =
                              [&](const std::string& why) {
                                if (options_.on_retry) options_.on_retry(fmt::format("request {}: {}", job.id, why));
                              }};
  Clock::time_point start;
  ServerAnswer answer = ask_patiently(patience, [&] {
    start = Clock::now();
    return ask(connection, job);
  });
  const std::chrono::duration<double> took = Clock::now() - start;
  const std::lock_guard lock(mutex_);
  failed_in_row_ = 0;
  done_.push_back({job.id, std::move(answer), took.count(), --in_work_});
}

ServerAnswer AnswerPool::ask(ServerConnection& connection, const Job& job) {
  try {
    return connection.ask(options_.api, job.body, job.max_tokens);
  } catch (const HttpError& error) {
    if (!says_no_room(error)) throw;
    return {.text = {}, .finish_reason = "length", .prompt_tokens = {}, .output_tokens = 0, .model = {}};
  }
}

void AnswerPool::watch() const {
  if (stopping_) throw Stopped{};
}

void AnswerPool::fail(const std::exception_ptr& failure) {
  const std::lock_guard lock(mutex_);
  --in_work_;
  bool fatal = ++failed_in_row_ >= std::max(kFewestInRow, std::min(options_.requests, submitted_));
  try {
    std::rethrow_exception(failure);
  } catch (const HttpError& error) {
    fatal = fatal || refuses_everybody(error);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInterrupted) return;  // next() sees it, too
  } catch (...) {
    fatal = true;
  }
  ++failed_;
  if (!first_failure_) first_failure_ = failure;
  if (!fatal) return;
  if (!fatal_) fatal_ = failure;
  stopping_ = true;
  job_ready_.notify_all();
}

}  // namespace qreason
