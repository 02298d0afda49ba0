// Evaluating a model in memory on named tasks: what `qreason evaluate` and the cells of a study share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/endpoint_generator.h"
#include "cli/engine_generator.h"
#include "eval/evaluate.h"
#include "eval/task.h"

namespace qreason {

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
};

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation);
// The same by another generator, which has its own settings of generation.
std::vector<CellSummary> evaluate_by(Generator& generator, const ModelEvaluation& evaluation);

// Whether every file of the evaluation is finished and says, in all that decides answers, what one made now with these
// settings would say. `model`: nullopt where the model is not here; what the files say of it holds then.
bool is_evaluated(const ModelEvaluation& evaluation, const RunSettings& settings,
                  const std::optional<OpenedModel>& model);
// The same where a server answered, which is not asked.
bool is_evaluated(const ModelEvaluation& evaluation, const EndpointSettings& settings);

// The provenance in the header of any of its files, finished or not; nullopt where there is none yet.
std::optional<OrderedJson> earlier_provenance(const ModelEvaluation& evaluation);

}  // namespace qreason
