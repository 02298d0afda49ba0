// A study's worker that runs no model and writes files alone.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "study/study_runner.h"

namespace qreason::testing {
namespace fs = std::filesystem;

// Every method right on seed 42, wrong on 43; fails at the step `fail_at`.
class FileWorker : public StudyWorker {
 public:
  explicit FileWorker(int fail_at = -1) : fail_at_(fail_at) {}
  void require(const StudyModel& model, const std::string& reference) override {
    if (model.name == missing) throw Error(reference, "not there", "the model");
    required.push_back(reference);
  }
  void make_outliers(const StudyModel& model, const fs::path& folder) override {
    step("outliers " + model.name);
    fs::create_directories(folder);
  }
  void quantize(const StudyCell& cell) override {
    step("quantize " + cell.run_name());
    fs::create_directories(cell.checkpoint);
  }
  OrderedJson device() const override { return kind; }
  OrderedJson kind = nullptr;
  OrderedJson measure(const StudyCell& cell) override {
    step("measure " + cell.run_name());
    return {{"perplexity", 12.5}};
  }
  void evaluate(const StudyCell& cell) override {
    for (const std::uint64_t seed : cell.model->seeds) {
      step(fmt::format("evaluate {} {}", cell.run_name(), seed));
      const fs::path path = result_path(cell.results, cell.run_name(), seed, "GSM8K");
      fs::create_directories(path.parent_path());
      AnswerRecord answer{.problem_id = "1",
                          .seed = seed,
                          .prompt_tokens = 3,
                          .output_tokens = 5,
                          .finish_reason = "stop",
                          .full_prompt = "",
                          .text = "",
                          .extracted = "",
                          .gold = "",
                          .grade = seed == 42 ? 1 : 0};
      write_result_file(path,
                        {.task = "GSM8K",
                         .model = cell.model->name,
                         .method = cell.method,
                         .seed = seed,
                         .dataset = {{"name", "GSM8K"}, {"count", 1}},
                         .provenance = {{"tool", "1"}, {"temperature", cell.model->sampling.temperature}}},
                        {answer});
    }
  }
  // The temperature is all that it knows of a run's settings.
  std::optional<Open> open_results(const StudyCell& cell) override {
    for (const std::uint64_t seed : cell.model->seeds) {
      const fs::path path = result_path(cell.results, cell.run_name(), seed, "GSM8K");
      if (!fs::exists(path)) return Open{path.string() + ": no such file", Open::Kind::kAbsent};
      const double found = read_result_file(path).header.provenance["temperature"];
      if (found != cell.model->sampling.temperature)
        return Open{fmt::format("temperature: {} in {}, {}", found, path.string(), cell.model->sampling.temperature),
                    Open::Kind::kOther};
    }
    return std::nullopt;
  }
  int side_by_side(const std::vector<const StudyCell*>& /*cells*/) override { return cells_at_once; }
  // Tells its steps to the one that it was made by, so all of a study's are in one list.
  std::unique_ptr<StudyWorker> beside(int /*jobs*/) override {
    const std::lock_guard lock(mutex_);
    ++made;
    auto worker = std::make_unique<FileWorker>();
    worker->teller_ = this;
    return worker;
  }
  std::vector<std::string> steps, required;
  std::string missing;
  int cells_at_once = 1, made = 0;

 private:
  void step(const std::string& name) {
    if (teller_ != nullptr) return teller_->step(name);
    const std::lock_guard lock(mutex_);
    if (static_cast<int>(steps.size()) == fail_at_) throw Error("worker", "killed");
    steps.push_back(name);
  }
  int fail_at_;
  FileWorker* teller_ = nullptr;
  std::mutex mutex_;
};

}  // namespace qreason::testing
