#include "cli/process_executor.h"

#include <string>

#include "base/error.h"

namespace qreason {
namespace {

int asked_threads = 0;

}  // namespace

Executor& process_executor() {
  static Executor executor(asked_threads > 0 ? asked_threads : usable_cores());
  return executor;
}

void set_process_threads(int threads) {
  if (threads < 1) throw Error::usage("--threads", std::to_string(threads), "at least 1");
  asked_threads = threads;
}

}  // namespace qreason
