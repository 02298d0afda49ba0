#include "cli/model_evaluation.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "cli/terminal.h"
#include "eval/evaluation_cell.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// The data sets of an evaluation and the files it makes of them.
struct Cells {
  std::map<std::string_view, Dataset> datasets;
  std::vector<EvaluationCell> cells;
};

Cells cells_of(const ModelEvaluation& evaluation) {
  Cells all;
  for (const Task& task : evaluation.tasks) {
    auto [entry, is_new] = all.datasets.try_emplace(task.dataset);
    if (is_new) {
      const auto local = evaluation.data.find(task.dataset);
      entry->second =
          load_task_data(task, local == evaluation.data.end() ? std::nullopt : std::optional(local->second));
      shuffle_and_limit(entry->second, evaluation.limit);
    }
    for (const std::uint64_t seed : evaluation.seeds)
      all.cells.push_back({.task = &task,
                           .dataset = &entry->second,
                           .seed = seed,
                           .file = result_path(evaluation.folder, evaluation.run_name, seed, task.name),
                           .shuffle_seed = evaluation.shuffle_seed});
  }
  return all;
}

EvaluationOptions options_of(const ModelEvaluation& evaluation) {
  return {.model = evaluation.model,
          .method = evaluation.method,
          .limit = evaluation.limit,
          .if_different = evaluation.if_different,
          .listener = terminal_progress()};
}

// `expected`: the provenance that a run now would record, by the one that was found.
bool is_evaluated_as(const ModelEvaluation& evaluation,
                     const std::function<OrderedJson(const OrderedJson& found)>& expected) {
  for (const Task& task : evaluation.tasks)
    for (const std::uint64_t seed : evaluation.seeds)
      if (!is_finished(result_path(evaluation.folder, evaluation.run_name, seed, task.name))) return false;
  const Cells all = cells_of(evaluation);
  const EvaluationOptions options = options_of(evaluation);
  std::map<const Dataset*, std::string> hashes;
  return std::all_of(all.cells.begin(), all.cells.end(), [&](const EvaluationCell& cell) {
    const ResultHeader found = read_header(cell.file, *cell.form);
    std::string& hash = hashes[cell.dataset];
    if (hash.empty()) hash = dataset_hash(*cell.dataset);
    return !header_difference(found, cell_header(cell, options, expected(found.provenance), hash));
  });
}

}  // namespace

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation) {
  EngineGenerator generator(model, evaluation.generation);
  return evaluate_by(generator, evaluation);
}

std::vector<CellSummary> evaluate_by(Generator& generator, const ModelEvaluation& evaluation) {
  const Cells all = cells_of(evaluation);
  return evaluate(generator, all.cells, options_of(evaluation));
}

bool is_evaluated(const ModelEvaluation& evaluation, const RunSettings& settings,
                  const std::optional<OpenedModel>& model) {
  std::optional<OrderedJson> provenance;
  if (model) provenance = run_provenance(*model, model_origin(*model), settings);
  return is_evaluated_as(evaluation, [&](const OrderedJson& found) {
    return provenance ? *provenance : provenance_without_model(found, settings);
  });
}

bool is_evaluated(const ModelEvaluation& evaluation, const EndpointSettings& settings) {
  return is_evaluated_as(evaluation,
                         [&](const OrderedJson& found) { return provenance_without_server(found, settings); });
}

std::optional<OrderedJson> earlier_provenance(const ModelEvaluation& evaluation) {
  for (const Task& task : evaluation.tasks) {
    for (const std::uint64_t seed : evaluation.seeds) {
      const fs::path file = result_path(evaluation.folder, evaluation.run_name, seed, task.name);
      for (const fs::path& path : {file, partial_path(file)}) {
        if (!fs::is_regular_file(path)) continue;
        try {
          return read_header(path, result_form()).provenance;
        } catch (const Error&) {
          // What is wrong with it is told when it is gone on with.
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace qreason
