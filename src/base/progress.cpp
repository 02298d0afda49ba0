#include "base/progress.h"

namespace qreason {
namespace {

class IgnoredProgress : public Progress {
 public:
  void resume_at(std::int64_t /*done*/) override {}
  void update(const ProgressState& /*state*/) override {}
  void finish() override {}
};

class NoListener : public ProgressListener {
 public:
  std::unique_ptr<Progress> begin(const ProgressTask& /*task*/) override { return std::make_unique<IgnoredProgress>(); }
  void note(const std::string& /*text*/) override {}
};

}  // namespace

ProgressListener& no_listener() {
  static NoListener listener;
  return listener;
}

}  // namespace qreason
