// Grades answers on threads of its own, so that decoding never waits for a grader.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "eval/generator.h"
#include "eval/graders/grade.h"

namespace qreason {

struct GradingJob {
  Completion completion;
  Grader grader;
  const Problem* problem = nullptr;  // must outlive the job
};

struct GradedCompletion {
  Completion completion;
  Grade grade;
};

// Any thread may submit; results come in the order in which grading ends.
class GradingQueue {
 public:
  explicit GradingQueue(int threads);
  // Drops what no thread has begun and waits for the rest.
  ~GradingQueue();
  GradingQueue(const GradingQueue&) = delete;
  GradingQueue& operator=(const GradingQueue&) = delete;

  void submit(GradingJob job);
  // One that is graded and was not taken yet; nullopt when there is none now. A grader's exception is thrown here, in
  // place of its result.
  std::optional<GradedCompletion> poll();
  // The same, but waits; nullopt when nothing was submitted that was not taken.
  std::optional<GradedCompletion> wait();

 private:
  struct Outcome {
    GradedCompletion graded;
    std::exception_ptr failure;
  };
  void work();
  std::optional<GradedCompletion> take(std::unique_lock<std::mutex> lock);

  std::mutex mutex_;
  std::condition_variable job_ready_, outcome_ready_;
  std::deque<GradingJob> jobs_;
  std::deque<Outcome> outcomes_;
  std::size_t in_work_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace qreason
