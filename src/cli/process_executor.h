// The executor of the process: one, made when a command first asks for it, and handed down from there. Only commands
// ask; the layers below get it as an argument.
#pragma once

#include "kernels/executor.h"

namespace qreason {

// As many threads as --threads said, else one for every core that the process may use.
Executor& process_executor();
// Before the first call of process_executor(). At least 1.
void set_process_threads(int threads);

}  // namespace qreason
