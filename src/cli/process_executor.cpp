#include "cli/process_executor.h"

#include <ATen/Parallel.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "device/tensor_backend.h"
#include "kernels/backend.h"

namespace qreason {
namespace {

int asked_threads = 0;

thread_local ThreadExecutors* own_executors = nullptr;

}  // namespace

struct ThreadExecutors {
  int threads;
  std::map<Arithmetic, std::unique_ptr<Executor>> all = {};

  Executor& of(Arithmetic arithmetic) {
    std::unique_ptr<Executor>& executor = all[arithmetic];
    if (!executor)
      executor = arithmetic == Arithmetic::kFast ? std::make_unique<Executor>(threads, cpu_backend(arithmetic))
                                                 : std::make_unique<Executor>(threads);
    return *executor;
  }
};

OwnExecutors::OwnExecutors(int threads) : executors_(new ThreadExecutors{.threads = threads}) {
  own_executors = executors_.get();
  at::set_num_threads(threads);  // of this thread's tensor operations, which would else take all cores
}

OwnExecutors::~OwnExecutors() {
  own_executors = nullptr;
}

int process_threads() {
  return asked_threads > 0 ? asked_threads : usable_cores();
}

Executor& process_executor(Arithmetic arithmetic) {
  if (own_executors != nullptr) return own_executors->of(arithmetic);
  if (arithmetic == Arithmetic::kFast) {
    static Executor fast(process_threads(), cpu_backend(arithmetic));
    return fast;
  }
  static Executor portable(process_threads());
  return portable;
}

Executor& process_executor(Arithmetic arithmetic, const std::optional<at::Device>& device) {
  if (!device) return process_executor(arithmetic);
  struct There {
    There(at::Device device, Arithmetic arithmetic)
        : backend(device, arithmetic), executor(process_threads(), backend) {}
    TensorBackend backend;
    Executor executor;
  };
  static std::map<std::pair<std::string, Arithmetic>, std::unique_ptr<There>> all;
  std::unique_ptr<There>& there = all[{device->str(), arithmetic}];
  if (!there) there = std::make_unique<There>(*device, arithmetic);
  return there->executor;
}

void set_process_threads(int threads) {
  if (threads < 1) throw Error::usage("--threads", std::to_string(threads), "at least 1");
  asked_threads = threads;
}

}  // namespace qreason
