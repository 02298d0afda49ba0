// Remembers what work told of its progress.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"

namespace qreason::testing {

struct RecordedProgress {
  ProgressTask task;
  std::int64_t resumed_at = 0;
  std::vector<ProgressState> states;
  std::vector<std::string> stages{};
  bool finished = false;
};

class RecordingListener : public ProgressListener {
 public:
  std::unique_ptr<Progress> begin(const ProgressTask& task) override {
    works.push_back(std::make_shared<RecordedProgress>(RecordedProgress{.task = task, .states = {}}));
    return std::make_unique<Recorder>(works.back());
  }
  void note(const std::string& text) override { notes.push_back(text); }

  std::vector<std::shared_ptr<RecordedProgress>> works;
  std::vector<std::string> notes;

 private:
  class Recorder : public Progress {
   public:
    explicit Recorder(std::shared_ptr<RecordedProgress> record) : record_(std::move(record)) {}
    void resume_at(std::int64_t done) override { record_->resumed_at = done; }
    void update(const ProgressState& state) override { record_->states.push_back(state); }
    void stage(const std::string& what) override { record_->stages.push_back(what); }
    void finish() override { record_->finished = true; }

   private:
    std::shared_ptr<RecordedProgress> record_;
  };
};

}  // namespace qreason::testing
