// Where work runs: the kernels of a backend, threads, work space, and the processes that share the work. Everything
// above the kernels gets an executor instead of making or looking up its own.
//
// One executor serves one thread at a time: its work space is shared by all that runs through it. Two executors share
// nothing.
#pragma once

#include <array>
#include <memory>
#include <utility>

#include "base/parallel.h"
#include "kernels/buffer.h"
#include "kernels/communicator.h"
#include "kernels/workspace.h"

namespace qreason {

// The processor and the host's memory.
const Backend& host_backend();

class Executor {
 public:
  // So many threads of the host (at least 1), the caller's own included. Backend and communicator must outlive this.
  explicit Executor(int threads, const Backend& backend = host_backend(), Communicator& communicator = alone());
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  const Backend& backend() const { return backend_; }
  Communicator& communicator() { return communicator_; }
  ThreadPool& pool() { return pool_; }  // for layers below the kernels
  int threads() const { return pool_.threads(); }

  // ThreadPool::run, on the host.
  template <class Task>
  void run(std::int64_t count, Task&& task) {
    pool_.run(count, std::forward<Task>(task));
  }

  // The host's, of the worker that calls.
  Workspace& workspace();

  // Rows in the backend's memory, valid until the next call for the same purpose.
  enum class Rows { kDecoded, kShardSum, kOwnShards, kAllShards };
  float* rows(Rows purpose, std::int64_t floats) {
    return rows_[static_cast<std::size_t>(purpose)].need(floats, backend_);
  }

 private:
  const Backend& backend_;
  Communicator& communicator_;
  ThreadPool pool_;
  std::unique_ptr<Workspace[]> workspaces_;  // [threads]
  std::array<Buffer<float>, 4> rows_;
};

}  // namespace qreason
