#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

// Between two steps of a small model the next job comes within microseconds: spin that long before sleeping.
constexpr int kSpins = 4000;

// The task that a thread is in: whose pool (null: in none), and as which of its workers.
struct Place {
  const void* pool = nullptr;
  int worker = 0;
};
thread_local Place place;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Waits until `value` differs from `old`: spinning first, then asleep.
template <class T>
void wait_change(const std::atomic<T>& value, T old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    relax();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

// A task is claimed by taking one off `unclaimed`. A thread that comes late to a job finds nothing left and is not
// waited for: on a busy machine waking one takes longer than many jobs. The job's fields may be read only after a
// claim, which keeps the job from ending.
struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::atomic<std::uint64_t> job{0};  // number of the job published last
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> unclaimed{0};
  std::atomic<std::int64_t> finished{0};
  std::int64_t count = 0;
  void (*invoke)(void*, std::int64_t) = nullptr;
  void* context = nullptr;
  std::mutex failure_mutex;
  std::exception_ptr failure;
  std::mutex caller_mutex;  // one job at a time, whoever calls

  void take_tasks(int worker) {
    place = {.pool = this, .worker = worker};
    std::int64_t left = unclaimed.load(std::memory_order_acquire);
    while (left > 0) {
      if (!unclaimed.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel, std::memory_order_acquire)) {
        continue;
      }
      run_task(count - left);
      left = unclaimed.load(std::memory_order_acquire);
    }
    place = {};
  }

  void run_task(std::int64_t index) {
    try {
      invoke(context, index);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
    const std::int64_t all = count;
    if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 == all) finished.notify_one();
  }

  void work(int worker) {
    std::uint64_t seen = 0;
    while (true) {
      wait_change(job, seen);
      seen = job.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_acquire)) return;
      take_tasks(worker);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 1) throw Error::usage("threads", std::to_string(threads), "at least 1");
  for (int i = 1; i < threads; ++i) state_->workers.emplace_back([state = state_.get(), i] { state->work(i); });
}

ThreadPool::~ThreadPool() {
  state_->stop.store(true, std::memory_order_release);
  state_->job.fetch_add(1, std::memory_order_release);
  state_->job.notify_all();
  for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const {
  return static_cast<int>(state_->workers.size()) + 1;
}

int ThreadPool::worker() const {
  return place.pool == state_.get() ? place.worker : 0;
}

void ThreadPool::run_erased(std::int64_t count, void (*invoke)(void*, std::int64_t), void* context) {
  if (count <= 0) return;
  if (place.pool != nullptr || state_->workers.empty() || count == 1) {
    for (std::int64_t i = 0; i < count; ++i) invoke(context, i);
    return;
  }
  const std::lock_guard one_job(state_->caller_mutex);
  State& state = *state_;
  state.count = count;
  state.invoke = invoke;
  state.context = context;
  state.failure = nullptr;
  state.finished.store(0, std::memory_order_relaxed);
  state.unclaimed.store(count, std::memory_order_release);
  state.job.fetch_add(1, std::memory_order_release);
  state.job.notify_all();
  state.take_tasks(0);
  for (std::int64_t done = state.finished.load(std::memory_order_acquire); done != count;
       done = state.finished.load(std::memory_order_acquire)) {
    wait_change(state.finished, done);
  }
  if (state.failure) std::rethrow_exception(state.failure);
}

int usable_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace qreason
