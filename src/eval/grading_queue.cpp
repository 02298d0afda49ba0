#include "eval/grading_queue.h"

#include <utility>

namespace qreason {

GradingQueue::GradingQueue(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

GradingQueue::~GradingQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  job_ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void GradingQueue::submit(GradingJob job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  job_ready_.notify_one();
}

std::optional<GradedCompletion> GradingQueue::poll() {
  return take(std::unique_lock(mutex_));
}

std::optional<GradedCompletion> GradingQueue::wait() {
  std::unique_lock lock(mutex_);
  outcome_ready_.wait(lock, [this] { return !outcomes_.empty() || (jobs_.empty() && in_work_ == 0); });
  return take(std::move(lock));
}

std::optional<GradedCompletion> GradingQueue::take(std::unique_lock<std::mutex> lock) {
  if (outcomes_.empty()) return std::nullopt;
  Outcome outcome = std::move(outcomes_.front());
  outcomes_.pop_front();
  lock.unlock();
  if (outcome.failure) std::rethrow_exception(outcome.failure);
  return std::move(outcome.graded);
}

void GradingQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    job_ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    GradingJob job = std::move(jobs_.front());
    jobs_.pop_front();
    ++in_work_;
    lock.unlock();
    Outcome outcome;
    try {
      outcome.graded.grade = job.grader(job.completion.text, *job.problem);
      outcome.graded.completion = std::move(job.completion);
    } catch (...) {
      outcome.failure = std::current_exception();
    }
    lock.lock();
    --in_work_;
    outcomes_.push_back(std::move(outcome));
    outcome_ready_.notify_all();
  }
}

}  // namespace qreason
