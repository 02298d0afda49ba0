#include "cli/process_executor.h"

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

int threads() {
  return asked_threads > 0 ? asked_threads : usable_cores();
}

}  // namespace

Executor& process_executor(Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kFast) {
    static Executor fast(threads(), cpu_backend(arithmetic));
    return fast;
  }
  static Executor portable(threads());
  return portable;
}

Executor& process_executor(Arithmetic arithmetic, const std::optional<at::Device>& device) {
  if (!device) return process_executor(arithmetic);
  struct There {
    There(at::Device device, Arithmetic arithmetic) : backend(device, arithmetic), executor(threads(), backend) {}
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
