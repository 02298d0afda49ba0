// Runs the cells of a study with our own models.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/engine_generator.h"
#include "cli/model_evaluation.h"
#include "cli/process_executor.h"
#include "eval/evaluate.h"
#include "study/study_runner.h"

namespace qreason {

class EngineStudyWorker : public StudyWorker {
 public:
  // Computes on the device, or on the processor without one.
  EngineStudyWorker(const StudySpec& spec, IfExists if_different, std::optional<at::Device> device)
      : spec_(spec), if_different_(if_different), device_(device) {}

  void require(const StudyModel& model, const std::string& reference) override;
  void require_step(StudyStep step, const StudyCell& cell) override;
  void make_outliers(const StudyModel& model, const std::filesystem::path& folder) override;
  void quantize(const StudyCell& cell) override;
  OrderedJson measure(const StudyCell& cell) override;
  OrderedJson device() const override;
  void evaluate(const StudyCell& cell) override;
  std::optional<Open> open_results(const StudyCell& cell) override;
  int side_by_side(const std::vector<const StudyCell*>& cells) override;
  std::unique_ptr<StudyWorker> beside(int jobs) override;

 private:
  // The cell's model; the one before it goes first, so that at most it and the unquantized one are in memory.
  const ResidentModel& resident(const StudyCell& cell);
  const ResidentModel& baseline(const StudyCell& cell);
  void evaluate_at_endpoint(const StudyCell& cell);
  ModelEvaluation evaluation_of(const StudyCell& cell) const;
  // The cell's model without its tokenizer; nullopt where it is not there.
  std::optional<OpenedModel> weights_if_here(const StudyCell& cell) const;

  const StudySpec& spec_;
  IfExists if_different_;
  std::optional<at::Device> device_;
  std::map<const StudyModel*, std::shared_ptr<const TaskData>> data_;  // of models with answers to come
  std::unique_ptr<OwnExecutors> executors_;  // of one of several workers; before the models, which use them
  std::string baseline_name_, quantized_name_;
  std::unique_ptr<ResidentModel> baseline_, quantized_;
};

}  // namespace qreason
