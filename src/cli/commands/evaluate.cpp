#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "cli/code_options.h"
#include "cli/commands.h"
#include "cli/endpoint_generator.h"
#include "cli/endpoint_options.h"
#include "cli/model_evaluation.h"
#include "cli/output.h"
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
  std::string_view purpose() const override {
    return "Answers the problems of tasks with models, or at a server, grades and records";
  }
  std::string_view example() const override {
    return "qreason evaluate smollm2-135m-instruct --tasks GSM8K --seeds 42,43 --limit 20";
  }

  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  Devices devices() const override { return Devices::kAny; }

  void declare(OptionSet& options) override {
    options.positionals("MODEL", models_,
                        "Directories, .gguf files, or names from `qreason models`, one after another");
    options.list("--tasks", tasks_, "Tasks, or .toml files of your own (docs/tasks.md): " + known_task_names());
    options.list("--seeds", seeds_, "One run a seed: numbers and ranges, as in 42,43 or 42-51");
    options.value("-o,--output", output_, "Results go to DIR/NAME-seedS/TASK.jsonl");
    options.value("--limit", limit_, "The first N problems of the study's shuffle");
    options.value("--shuffle-seed", shuffle_seed_,
                  "Seed of the order of choices, as in GPQA-Diamond (default: the run's seed)");
    sampling_.declare(options);
    options.repeated("--data", data_, "NAME=PATH: the file of a data set");
    code_.declare(options);
    arithmetic_.declare(options);
    endpoint_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const ModelEvaluation evaluation = read_options(common);
    std::vector<Evaluated> all;
    for (const std::string& model : models_) {
      ModelEvaluation named;
      auto summaries =
          endpoint_.given() ? at_endpoint(model, evaluation, named) : by_engine(model, evaluation, common, named);
      for (CellSummary& cell : summaries) all.push_back({named.model, named.method, std::move(cell)});
    }
    common.json ? print_as_json(all) : print_as_text(all, common);
  }

 private:
  struct Evaluated {
    std::string model, method;
    CellSummary cell;
  };

  // The model is loaded once for all tasks and seeds, and goes before the next one comes.
  std::vector<CellSummary> by_engine(const std::string& reference, const ModelEvaluation& evaluation,
                                     const CommonOptions& common, ModelEvaluation& named) {
    const ResidentModel model = load_resident(reference, common.dtype, arithmetic_.executor(common));
    named = named_as(evaluation, model.opened.name, model.origin.method, "");
    require_new(named.run_name);
    return evaluate_model(model, named);
  }

  std::vector<CellSummary> at_endpoint(const std::string& reference, const ModelEvaluation& evaluation,
                                       ModelEvaluation& named) {
    EndpointModel model = open_endpoint_model(reference);
    const auto recall = [&, name = model.name, method = model.method](const std::string& product) {
      return earlier_provenance(named_as(evaluation, name, method, "@" + product));
    };
    EndpointGenerator generator(std::move(model), endpoint_.checked(evaluation.generation), recall);
    log_line(fmt::format("{} {}: seed {}; top_k {}", generator.facts().product, generator.facts().version,
                         generator.manners().seed, generator.manners().top_k));
    named = named_as(evaluation, generator.model().name, generator.model().method, "@" + generator.facts().product);
    require_new(named.run_name);
    return evaluate_by(generator, named);
  }

  // Two models of one name would write the same files.
  void require_new(const std::string& run_name) {
    if (!run_names_.insert(run_name).second)
      throw Error::usage("MODEL", "two models of the name " + run_name, "models whose folders have different names");
  }

  ModelEvaluation read_options(const CommonOptions& common) {
    ModelEvaluation evaluation;
    if (tasks_.empty()) throw Error::usage("--tasks", "no task", "--tasks GSM8K, for instance");
    evaluation.tasks = code_.graded(tasks_named(tasks_));
    evaluation.seeds = parse_seeds(seeds_);
    if (limit_ && *limit_ < 1) throw Error::usage("--limit", fmt::format("{}", *limit_), "1 or more");
    evaluation.data = data_files(data_, evaluation.tasks);
    evaluation.limit = limit_;
    if (shuffle_seed_) evaluation.shuffle_seed = parse_seed(*shuffle_seed_, "--shuffle-seed");
    if (output_.empty()) throw Error::usage("-o", "an empty path", "a folder");
    evaluation.folder = output_;
    evaluation.generation = sampling_.checked();
    evaluation.if_different = if_exists(common);
    return evaluation;
  }

  // "NAME-METHOD" of a quantized checkpoint is the model NAME in tables, so that it stands beside the one it came from.
  // `engine` tells results of a server from ours.
  static ModelEvaluation named_as(ModelEvaluation evaluation, const std::string& name, const std::string& method,
                                  const std::string& engine) {
    evaluation.run_name = name + engine;
    evaluation.model = name;
    evaluation.method = method;
    const std::string ending = "-" + method;
    if (evaluation.model.ends_with(ending) && evaluation.model.size() > ending.size())
      evaluation.model.resize(evaluation.model.size() - ending.size());
    evaluation.model += engine;
    return evaluation;
  }

  // A server need not say how long its answers are; a sum without some of them would be no mean.
  static bool all_counted(const CellSummary& cell) { return cell.counted == cell.count; }

  static void print_as_text(const std::vector<Evaluated>& all, const CommonOptions& common) {
    TextTable table({{"TASK"},
                     {"SEED", Align::kRight},
                     {"RIGHT", Align::kRight},
                     {"ACCURACY", Align::kRight},
                     {"TRUNCATED", Align::kRight},
                     {"TOKENS", Align::kRight},
                     {"FILE"}});
    for (const auto& [model, method, cell] : all) {
      const auto count = static_cast<double>(std::max<std::int64_t>(1, cell.count));
      table.add_row({cell.task, fmt::format("{}", cell.seed), fmt::format("{}/{}", cell.correct, cell.count),
                     fmt::format("{:.1f} %", 100 * static_cast<double>(cell.correct) / count),
                     fmt::format("{}", cell.truncated),
                     all_counted(cell) ? fmt::format("{:.0f}", static_cast<double>(cell.output_tokens) / count) : "-",
                     printable(cell.file.string())});
    }
    fmt::print("{}", table.text(cut_columns(common)));
  }

  static void print_as_json(const std::vector<Evaluated>& all) {
    OrderedJson results = OrderedJson::array();
    for (const auto& [model, method, cell] : all) {
      const auto count = static_cast<double>(std::max<std::int64_t>(1, cell.count));
      results.push_back(
          {{"path", cell.file.string()},
           {"model", model},
           {"method", method},
           {"task", cell.task},
           {"seed", cell.seed},
           {"count", cell.count},
           {"correct", cell.correct},
           {"accuracy", static_cast<double>(cell.correct) / count},
           {"truncated", cell.truncated},
           {"output_tokens", all_counted(cell) ? OrderedJson(cell.output_tokens) : OrderedJson(nullptr)}});
    }
    print_json({{"results", results}});
  }

  std::string output_ = "outputs";
  std::vector<std::string> models_;
  std::set<std::string> run_names_;
  std::vector<std::string> tasks_, seeds_{"42", "43", "44"}, data_;
  std::optional<std::int64_t> limit_, shuffle_seed_;
  SamplingOptions sampling_;
  CodeOptions code_;
  ArithmeticOption arithmetic_;
  EndpointOptions endpoint_;
};

}  // namespace

std::unique_ptr<Command> make_evaluate_command() {
  return std::make_unique<EvaluateCommand>();
}

}  // namespace qreason
