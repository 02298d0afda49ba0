#include "kernels/executor.h"

namespace qreason {

Executor::Executor(int threads) : pool_(threads), workspaces_(std::make_unique<Workspace[]>(pool_.threads())) {}

Executor::~Executor() = default;

Workspace& Executor::workspace() {
  return workspaces_[static_cast<std::size_t>(pool_.worker())];
}

}  // namespace qreason
