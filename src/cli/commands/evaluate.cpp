#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/model_evaluation.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/prompts.h"
#include "cli/run_options.h"
#include "cli/sampling_options.h"
#include "cli/seeds.h"
#include "cli/terminal.h"
#include "eval/task.h"

namespace qreason {
namespace {

class EvaluateCommand : public Command {
 public:
  std::string_view name() const override { return "evaluate"; }
  std::string_view purpose() const override { return "Answers the problems of tasks with a model, grades and records"; }
  std::string_view example() const override {
    return "qreason evaluate smollm2-135m-instruct --tasks GSM8K --seeds 42,43 --limit 20";
  }

  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  void declare(OptionSet& options) override {
    options.positional("MODEL", model_, "Directory, .gguf file, or a name from `qreason models`");
    options.list("--tasks", tasks_, "Tasks, as in GSM8K,MATH-500,AIME-90,AIME-2024,AIME-2025");
    options.list("--seeds", seeds_, "One run a seed: numbers and ranges, as in 42,43 or 42-51");
    options.value("-o,--output", output_, "Results go to DIR/NAME-seedS/TASK.jsonl");
    options.value("--limit", limit_, "The first N problems of the study's shuffle");
    options.value("--shuffle-seed", shuffle_seed_,
                  "Seed of the order of choices, as in GPQA-Diamond (default: the run's seed)");
    sampling_.declare(options);
    options.repeated("--data", data_, "NAME=PATH: the file of a data set");
    arithmetic_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const ModelEvaluation evaluation = read_options(common);
    const ResidentModel model = load_resident(model_, common.dtype, process_executor(arithmetic_.checked()));
    const std::vector<CellSummary> summaries = evaluate_model(model, named(evaluation, model));
    common.json ? print_as_json(summaries) : print_as_text(summaries, common);
  }

 private:
  ModelEvaluation read_options(const CommonOptions& common) const {
    ModelEvaluation evaluation;
    if (tasks_.empty()) throw Error::usage("--tasks", "no task", "--tasks GSM8K, for instance");
    for (const std::string& task : tasks_) evaluation.tasks.push_back(require_task(task));
    evaluation.seeds = parse_seeds(seeds_);
    if (limit_ && *limit_ < 1) throw Error::usage("--limit", fmt::format("{}", *limit_), "1 or more");
    for (const std::string& assignment : data_) {
      const std::size_t equals = assignment.find('=');
      if (equals == std::string::npos) throw Error::usage("--data", assignment, "NAME=PATH");
      const Task& task = require_task(assignment.substr(0, equals));
      evaluation.data[task.dataset] = assignment.substr(equals + 1);
    }
    evaluation.limit = limit_;
    if (shuffle_seed_) evaluation.shuffle_seed = parse_seed(*shuffle_seed_, "--shuffle-seed");
    if (output_.empty()) throw Error::usage("-o", "an empty path", "a folder");
    evaluation.folder = output_;
    evaluation.generation = sampling_.checked();
    evaluation.if_different = if_exists(common);
    return evaluation;
  }

  // "NAME-METHOD" of a quantized checkpoint is the model NAME in tables, so that it stands beside the one it came from.
  static ModelEvaluation named(ModelEvaluation evaluation, const ResidentModel& model) {
    evaluation.run_name = model.opened.name;
    evaluation.model = model.opened.name;
    evaluation.method = model.origin.method;
    const std::string ending = "-" + model.origin.method;
    if (evaluation.model.ends_with(ending) && evaluation.model.size() > ending.size())
      evaluation.model.resize(evaluation.model.size() - ending.size());
    return evaluation;
  }

  static void print_as_text(const std::vector<CellSummary>& summaries, const CommonOptions& common) {
    TextTable table({{"TASK"},
                     {"SEED", Align::kRight},
                     {"RIGHT", Align::kRight},
                     {"ACCURACY", Align::kRight},
                     {"TRUNCATED", Align::kRight},
                     {"TOKENS", Align::kRight},
                     {"FILE"}});
    for (const CellSummary& cell : summaries) {
      const auto count = static_cast<double>(std::max<std::int64_t>(1, cell.count));
      table.add_row(
          {cell.task, fmt::format("{}", cell.seed), fmt::format("{}/{}", cell.correct, cell.count),
           fmt::format("{:.1f} %", 100 * static_cast<double>(cell.correct) / count), fmt::format("{}", cell.truncated),
           fmt::format("{:.0f}", static_cast<double>(cell.output_tokens) / count), printable(cell.file.string())});
    }
    fmt::print("{}", table.text(cut_columns(common)));
  }

  static void print_as_json(const std::vector<CellSummary>& summaries) {
    OrderedJson results = OrderedJson::array();
    for (const CellSummary& cell : summaries) {
      const auto count = static_cast<double>(std::max<std::int64_t>(1, cell.count));
      results.push_back({{"path", cell.file.string()},
                         {"task", cell.task},
                         {"seed", cell.seed},
                         {"count", cell.count},
                         {"correct", cell.correct},
                         {"accuracy", static_cast<double>(cell.correct) / count},
                         {"truncated", cell.truncated},
                         {"output_tokens", cell.output_tokens}});
    }
    print_json({{"results", results}});
  }

  std::string model_, output_ = "outputs";
  std::vector<std::string> tasks_, seeds_{"42", "43", "44"}, data_;
  std::optional<std::int64_t> limit_, shuffle_seed_;
  SamplingOptions sampling_;
  ArithmeticOption arithmetic_;
};

}  // namespace

std::unique_ptr<Command> make_evaluate_command() {
  return std::make_unique<EvaluateCommand>();
}

}  // namespace qreason
