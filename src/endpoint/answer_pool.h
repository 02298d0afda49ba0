// Many requests at a server, a thread each: retried where that may help, given up one by one where it does not.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "endpoint/answer.h"
#include "endpoint/server.h"
#include "net/retry.h"

namespace qreason {

class AnswerPool {
 public:
  struct Job {
    std::int64_t id = 0;
    OrderedJson body;
    std::int64_t max_tokens = 0;
  };
  struct Done {
    std::int64_t id = 0;
    ServerAnswer answer;  // of no token, with "length", where the server says that the prompt leaves no room
    double seconds = 0;   // of the attempt that succeeded
    std::int64_t in_work = 0;
  };
  struct Options {
    ServerAddress address;
    EndpointApi api = EndpointApi::kChat;
    std::int64_t requests = 64;  // on their way at once, at most
    double silence_seconds = 120;
    RetryPolicy policy = {};
    std::function<void(const std::string&)> on_retry = {};  // from any thread: what is tried again, and why
  };
  explicit AnswerPool(Options options);
  // Ends requests on their way and waits for the threads.
  ~AnswerPool();
  AnswerPool(const AnswerPool&) = delete;
  AnswerPool& operator=(const AnswerPool&) = delete;

  void submit(Job job);
  // The next answer, in the order they come; nullopt when nothing is left. What came is handed out before anything is
  // thrown: at once where the server refuses everybody (401, 403, 404) or as many requests in a row failed as are on
  // their way at once; an Error that counts the failed requests and tells the first failure when all others are there.
  std::optional<Done> next();

 private:
  void work();
  void serve(ServerConnection& connection, const Job& job);
  ServerAnswer ask(ServerConnection& connection, const Job& job);
  void watch() const;
  void fail(const std::exception_ptr& failure);
  void stop();

  const Options options_;
  ServerPulse pulse_;
  mutable std::mutex mutex_;
  std::condition_variable job_ready_, done_ready_;
  std::deque<Job> jobs_;
  std::deque<Done> done_;
  std::int64_t in_work_ = 0, failed_ = 0, failed_in_row_ = 0, submitted_ = 0;
  std::exception_ptr first_failure_, fatal_;
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> threads_;
};

}  // namespace qreason
