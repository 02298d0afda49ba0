// The executors of the process: one a class of arithmetic, made when a command first asks for it, and handed down from
// there. Only commands ask; the layers below get it as an argument.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>

#include "base/numerics.h"
#include "kernels/executor.h"

namespace qreason {

// As many threads as --threads said, else one for every core that the process may use. What runs no model, and
// calibration, are the portable one's. An Error (usage) where the machine lacks what the class needs.
Executor& process_executor(Arithmetic arithmetic = Arithmetic::kPortable);
// The same on a device of libtorch's, or on the processor without one.
Executor& process_executor(Arithmetic arithmetic, const std::optional<at::Device>& device);

struct ThreadExecutors;

// While it lives, process_executor() of the thread that made it gives executors of its own, of so many threads (at
// least 1): an executor serves one thread at a time. It goes on that thread; one a thread.
class OwnExecutors {
 public:
  explicit OwnExecutors(int threads);
  ~OwnExecutors();
  OwnExecutors(const OwnExecutors&) = delete;
  OwnExecutors& operator=(const OwnExecutors&) = delete;

 private:
  std::unique_ptr<ThreadExecutors> executors_;
};

// How many threads process_executor() has, or will have.
int process_threads();
// Before the first call of process_executor(). At least 1.
void set_process_threads(int threads);

}  // namespace qreason
