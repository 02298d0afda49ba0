#include "cli/model_evaluation.h"

#include <fmt/format.h>

#include <functional>

#include "base/error.h"
#include "cli/terminal.h"
#include "eval/evaluation_cell.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// The data sets of an evaluation and the files it makes of them.
struct Cells {
  std::shared_ptr<const TaskData> data;
  std::vector<EvaluationCell> cells;
};

Cells cells_of(const ModelEvaluation& evaluation) {
  Cells all{.data = evaluation.loaded ? evaluation.loaded : load_data(evaluation), .cells = {}};
  for (const Task& task : evaluation.tasks)
    for (const std::uint64_t seed : evaluation.seeds)
      all.cells.push_back({.task = &task,
                           .dataset = &all.data->at(task.dataset),
                           .seed = seed,
                           .file = result_path(evaluation.folder, evaluation.run_name, seed, task.name),
                           .shuffle_seed = evaluation.shuffle_seed});
  return all;
}

EvaluationOptions options_of(const ModelEvaluation& evaluation) {
  return {.model = evaluation.model,
          .method = evaluation.method,
          .limit = evaluation.limit,
          .if_different = evaluation.if_different,
          .listener = terminal_progress()};
}

using Open = StudyWorker::Open;

// `expected`: the provenance that a run now would record, by the one that was found.
std::optional<Open> open_files(const ModelEvaluation& evaluation,
                               const std::function<OrderedJson(const OrderedJson& found)>& expected) {
  std::optional<Open> absent;
  bool any = false;
  for (const Task& task : evaluation.tasks)
    for (const std::uint64_t seed : evaluation.seeds) {
      const fs::path file = result_path(evaluation.folder, evaluation.run_name, seed, task.name);
      if (!is_finished(file) && !absent) absent = Open{file.string() + ": not finished", Open::Kind::kAbsent};
      any = any || fs::exists(file) || fs::exists(partial_path(file));
    }
  if (!any) return absent;
  const Cells all = cells_of(evaluation);
  const EvaluationOptions options = options_of(evaluation);
  std::map<const Dataset*, std::string> hashes;
  for (const EvaluationCell& cell : all.cells) {
    std::string& hash = hashes[cell.dataset];
    if (hash.empty()) hash = dataset_hash(*cell.dataset);
    for (const EarlierRun& run : earlier_runs(cell)) {
      const ResultHeader wanted = cell_header(cell, options, expected(run.header.provenance), hash);
      if (const auto difference = header_difference(run.header, wanted))
        return Open{fmt::format("{}: {}", run.path.string(), *difference), Open::Kind::kOther};
      if (run.path == cell.file) break;  // finished, whatever is begun beside it
    }
  }
  return absent;
}

}  // namespace

std::shared_ptr<const TaskData> load_data(const ModelEvaluation& evaluation) {
  auto data = std::make_shared<TaskData>();
  for (const Task& task : evaluation.tasks) {
    if (data->contains(task.dataset)) continue;
    const auto local = evaluation.data.find(task.dataset);
    Dataset dataset =
        load_task_data(task, local == evaluation.data.end() ? std::nullopt : std::optional(local->second));
    if (dataset.problems.empty()) throw Error(dataset.source.string(), "no problem", "at least one");
    shuffle_and_limit(dataset, evaluation.limit);
    data->emplace(task.dataset, std::move(dataset));
  }
  return data;
}

void check_earlier_results(const ModelEvaluation& evaluation, const std::function<OrderedJson()>& provenance) {
  std::optional<OrderedJson> known;
  std::map<const Dataset*, std::string> hashes;
  const Cells all = cells_of(evaluation);
  for (const EvaluationCell& cell : all.cells) {
    for (const EarlierRun& run : earlier_runs(cell)) {
      if (!known) known = provenance();
      std::string& hash = hashes[cell.dataset];
      if (hash.empty()) hash = dataset_hash(*cell.dataset);
      const ResultHeader wanted = cell_header(cell, options_of(evaluation), *known, hash);
      if (evaluation.if_different == IfExists::kError) require_same_run(run, wanted);
      // Finished, whatever is begun beside it.
      if (run.path == cell.file && !header_difference(run.header, wanted)) break;
    }
  }
}

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation) {
  EngineGenerator generator(model, evaluation.generation);
  return evaluate_by(generator, evaluation);
}

std::vector<CellSummary> evaluate_by(Generator& generator, const ModelEvaluation& evaluation) {
  const Cells all = cells_of(evaluation);
  return evaluate(generator, all.cells, options_of(evaluation));
}

std::optional<Open> open_results(const ModelEvaluation& evaluation, const RunSettings& settings,
                                 const std::optional<OpenedModel>& model) {
  std::optional<OrderedJson> provenance;
  if (model) provenance = run_provenance(*model, model_origin(*model), settings);
  return open_files(evaluation, [&](const OrderedJson& found) {
    return provenance ? *provenance : provenance_without_model(found, settings);
  });
}

std::optional<Open> open_results(const ModelEvaluation& evaluation, const EndpointSettings& settings) {
  return open_files(evaluation, [&](const OrderedJson& found) { return provenance_without_server(found, settings); });
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
