// Where work runs: threads, work space, and the kernels of a backend. Everything above the kernels gets an executor
// instead of making or looking up its own threads.
//
// One executor serves one thread at a time: its work space is shared by all that runs through it. Two executors share
// nothing.
#pragma once

#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/workspace.h"

namespace qreason {

class Executor {
 public:
  // This machine's processor with so many threads (at least 1), the caller's own included.
  explicit Executor(int threads);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  ThreadPool& pool() { return pool_; }  // for layers below the kernels
  int threads() const { return pool_.threads(); }

  // ThreadPool::run.
  template <class Task>
  void run(std::int64_t count, Task&& task) {
    pool_.run(count, std::forward<Task>(task));
  }

  // Of the worker that calls.
  Workspace& workspace();

 private:
  ThreadPool pool_;
  std::unique_ptr<Workspace[]> workspaces_;  // [threads]
};

}  // namespace qreason
