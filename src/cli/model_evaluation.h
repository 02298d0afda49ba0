// Evaluating a model in memory on named tasks: what `qreason evaluate` and the cells of a study share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/engine_generator.h"
#include "eval/evaluate.h"

namespace qreason {

struct ModelEvaluation {
  std::vector<std::string> tasks;
  std::vector<std::uint64_t> seeds;
  std::optional<std::int64_t> limit;
  std::map<std::string, std::filesystem::path> data;  // local files by data set
  std::filesystem::path folder;                       // of the results
  std::string run_name;                               // results go to <folder>/<run_name>-seed<s>/<task>.jsonl
  std::string model, method;                          // for headers and tables
  EngineGenerator::Options generation;
  EvaluationOptions::IfDifferent if_different = EvaluationOptions::IfDifferent::kError;
};

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation);

// Whether every file of the evaluation is finished and says, in all that decides answers, what one made now would say
// with `provenance` (of run_provenance). Without one, because the model is not here, the files' own holds.
bool is_evaluated(const ModelEvaluation& evaluation, const std::optional<OrderedJson>& provenance);

}  // namespace qreason
