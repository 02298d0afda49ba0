#include "kernels/executor.h"

#include "base/error.h"

namespace qreason {
namespace {

class Alone : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_gather(const float*, std::int64_t, float*) override {
    throw Error("communicator", "rows to gather in one process", "several");
  }
};

}  // namespace

Communicator& alone() {
  static Alone communicator;  // holds nothing
  return communicator;
}

Executor::Executor(int threads, const Backend& backend, Communicator& communicator)
    : backend_(backend),
      communicator_(communicator),
      pool_(threads),
      workspaces_(std::make_unique<Workspace[]>(pool_.threads())) {}

Executor::~Executor() = default;

Workspace& Executor::workspace() {
  return workspaces_[static_cast<std::size_t>(pool_.worker())];
}

}  // namespace qreason
