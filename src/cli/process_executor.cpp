#include "cli/process_executor.h"

#include <string>

#include "base/error.h"
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

void set_process_threads(int threads) {
  if (threads < 1) throw Error::usage("--threads", std::to_string(threads), "at least 1");
  asked_threads = threads;
}

}  // namespace qreason
