#include "cli/model_evaluation.h"

#include "cli/process_executor.h"
#include "cli/terminal.h"
#include "eval/task.h"

namespace qreason {

std::vector<CellSummary> evaluate_model(const ResidentModel& model, const ModelEvaluation& evaluation) {
  std::map<std::string_view, Dataset> datasets;
  std::vector<EvaluationCell> cells;
  for (const std::string& name : evaluation.tasks) {
    const Task& task = require_task(name);
    auto [entry, is_new] = datasets.try_emplace(task.dataset);
    if (is_new) {
      const auto local = evaluation.data.find(std::string(task.dataset));
      entry->second = load_dataset(std::string(task.dataset),
                                   local == evaluation.data.end() ? std::nullopt : std::optional(local->second));
      shuffle_and_limit(entry->second, evaluation.limit);
    }
    for (const std::uint64_t seed : evaluation.seeds)
      cells.push_back(
          {&task, &entry->second, seed, result_path(evaluation.folder, evaluation.run_name, seed, task.name)});
  }
  EngineGenerator generator(model, process_executor(), evaluation.generation);
  return evaluate(generator, cells,
                  {.model = evaluation.model,
                   .method = evaluation.method,
                   .limit = evaluation.limit,
                   .if_different = evaluation.if_different,
                   .listener = terminal_progress()});
}

}  // namespace qreason
