// What fails like a kill while a recipe runs.
#pragma once

#include <memory>
#include <string>

#include "base/progress.h"
#include "quantize/memory_sink.h"

namespace qreason::testing {

struct Killed {};

// Fails like a kill at the n-th call of finish_part, before or after the part is there.
class DyingSink : public MemorySink {
 public:
  enum class When { kNever, kBefore, kAfter };
  void finish_part(const std::string& part) override {
    const bool now = when_ != When::kNever && calls_++ == call_;
    if (now && when_ == When::kBefore) throw Killed{};
    MemorySink::finish_part(part);
    if (now) throw Killed{};
  }
  void die(int call, When when) {
    calls_ = 0;
    call_ = call;
    when_ = when;
  }

 private:
  int calls_ = 0, call_ = 0;
  When when_ = When::kNever;
};

// Fails like a kill at the n-th thing it hears: the begin of a phase, or a block whose line is in the journal.
class DyingListener : public ProgressListener {
 public:
  explicit DyingListener(int event) : left_(event) {}
  std::unique_ptr<Progress> begin(const ProgressTask&) override {
    hear();
    return std::make_unique<Phase>(*this);
  }
  void note(const std::string&) override {}

 private:
  class Phase : public Progress {
   public:
    explicit Phase(DyingListener& listener) : listener_(listener) {}
    void resume_at(std::int64_t) override {}
    void update(const ProgressState&) override { listener_.hear(); }
    void finish() override {}

   private:
    DyingListener& listener_;
  };
  void hear() {
    if (--left_ == 0) throw Killed{};
  }
  int left_;
};

}  // namespace qreason::testing
