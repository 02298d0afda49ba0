// A thread pool whose results never depend on the number of threads.
//
// Work is a count of independent tasks; which thread runs a task is unspecified, so a task may write only what belongs
// to its index. The split into tasks is the caller's and must not depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace qreason {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // threads >= 1, the caller's own included
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

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

// The pool of the process: as many threads as `set_default_threads` said, else as the machine has cores.
ThreadPool& default_pool();
void set_default_threads(int threads);

}  // namespace qreason
