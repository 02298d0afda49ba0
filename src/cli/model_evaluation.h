// Evaluating a model in memory on named tasks: what `qreason evaluate` and the cells of a study share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/endpoint_generator.h"
#include "cli/engine_generator.h"
#include "eval/evaluate.h"
#include "eval/task.h"
#include "study/study_runner.h"

namespace qreason {

using TaskData = std::map<std::string, Dataset, std::less<>>;  // by the name of the data set

struct ModelEvaluation {
  std::vector<Task> tasks;
  std::vector<std::uint64_t> seeds;
  std::optional<std::int64_t> limit;
  std::optional<std::uint64_t> shuffle_seed;          // of the order of choices; the run's seed where it is not said
  std::map<std::string, std::filesystem::path> data;  // local files by data set
  std::filesystem::path folder;                       // of the results
  std::string run_name;                               // results go to <folder>/<run_name>-seed<s>/<task>.jsonl
  std::string model, method;                          // for headers and tables
  EngineGenerator::Options generation;
  IfExists if_different = IfExists::kError;
  std::shared_ptr<const TaskData> loaded =
      nullptr;  // of load_data(); without it the data are read where they are needed
};

// The problems of all its tasks, in the study's order, as many as it asks.
std::shared_ptr<const TaskData> load_data(const ModelEvaluation& evaluation);

// What its folder has already must be of the run that `provenance` tells of (asked for only where there is something),
// or may be replaced: an Error names file and difference, before a model is loaded.
void check_earlier_results(const ModelEvaluation& evaluation, const std::function<OrderedJson()>& provenance);

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation);
// The same by another generator, which has its own settings of generation.
std::vector<CellSummary> evaluate_by(Generator& generator, const ModelEvaluation& evaluation);

// The first file of the evaluation that is not finished, or says, of what decides answers, something else than one made
// now with these settings would: what and where; nullopt: none. `model`: nullopt where the model is not here; what the
// files say of it holds then. Files of others go before those that are absent.
std::optional<StudyWorker::Open> open_results(const ModelEvaluation& evaluation, const RunSettings& settings,
                                              const std::optional<OpenedModel>& model);
// The same where a server answered, which is not asked.
std::optional<StudyWorker::Open> open_results(const ModelEvaluation& evaluation, const EndpointSettings& settings);

// The provenance in the header of any of its files, finished or not; nullopt where there is none yet.
std::optional<OrderedJson> earlier_provenance(const ModelEvaluation& evaluation);

}  // namespace qreason
