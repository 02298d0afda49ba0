// A thread pool whose results never depend on the number of threads.
//
// Work is a count of independent tasks; which thread runs a task is unspecified, so a task may write only what belongs
// to its index. The split into tasks is the caller's and must not depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace qreason {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // threads >= 1, the caller's own included
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Which of the pool's threads calls: 0 outside of its tasks and in those that the caller of run() takes, else 1 to
  // threads() - 1. Tells work space apart; results must not depend on it.
  int worker() const;

  // Calls task(i) for every i in [0, count) and returns when all are done; the calling thread takes part. Not
  // reentrant: a call from inside a task runs serially. The first exception is rethrown here after the others have
  // finished.
  template <class Task>
  void run(std::int64_t count, Task&& task) {
    auto invoke = [](void* context, std::int64_t index) {
      (*static_cast<std::remove_reference_t<Task>*>(context))(index);
    };
    run_erased(count, invoke, const_cast<void*>(static_cast<const void*>(&task)));
  }

 private:
  void run_erased(std::int64_t count, void (*invoke)(void*, std::int64_t), void* context);
  struct State;
  std::unique_ptr<State> state_;
};

// On the pool's threads, or one after another on the caller's where there is none.
template <class Task>
void run_on(ThreadPool* pool, std::int64_t count, Task&& task) {
  if (pool != nullptr) return pool->run(count, std::forward<Task>(task));
  for (std::int64_t i = 0; i < count; ++i) task(i);
}

// As many as the machine has cores that this process may use.
int usable_cores();

}  // namespace qreason
