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
  bool has_types() const override { return true; }

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
    ModelEvaluation evaluation = read_options(common);
    std::vector<Prepared> prepared;
    const bool at_server = endpoint_.given();
    if (at_server)
      refuse_given(common, {"--arithmetic", "--dtype", "--device"}, "given together with --endpoint",
                   "one of them: a server computes as it does");
    Executor* executor = at_server ? nullptr : &arithmetic_.executor(common);
    evaluation.loaded = load_data(evaluation);
    for (const std::string& model : models_)
      prepared.push_back(at_server ? at_endpoint(model, evaluation) : by_engine(model, evaluation, common, *executor));
    std::vector<Evaluated> all;
    for (Prepared& one : prepared) {
      for (CellSummary& cell : answered(one, common, executor))
        all.push_back({one.evaluation.model, one.evaluation.method, std::move(cell)});
    }
    common.json ? print_as_json(all) : print_as_text(all, common);
  }

 private:
  struct Evaluated {
    std::string model, method;
    CellSummary cell;
  };

  // A model that can be asked: what is wrong with the last one is told before the first one answers.
  struct Prepared {
    ModelEvaluation evaluation;
    std::optional<OpenedModel> opened;             // of our engine, which loads its weights when its turn comes
    std::unique_ptr<EndpointGenerator> generator;  // of a server
  };

  Prepared by_engine(const std::string& reference, const ModelEvaluation& evaluation, const CommonOptions& common,
                     Executor& executor) {
    OpenedModel model = open_model(reference);
    const ModelOrigin origin = model_origin(model);
    ModelEvaluation named = named_as(evaluation, model.name, origin.method, "");
    require_new(named.run_name);
    check_model(model, named.generation);
    check_earlier_results(named, [&] {
      return run_provenance(model, origin, run_settings(named.generation, common.dtype, executor.backend()));
    });
    return {.evaluation = std::move(named), .opened = std::move(model), .generator = {}};
  }

  // The model's weights go before the next ones come.
  std::vector<CellSummary> answered(Prepared& one, const CommonOptions& common, Executor* executor) {
    if (one.generator) return evaluate_by(*one.generator, one.evaluation);
    const ResidentModel model = load_resident(*std::move(one.opened), common.dtype, *executor);
    return evaluate_model(model, one.evaluation);
  }

  Prepared at_endpoint(const std::string& reference, const ModelEvaluation& evaluation) {
    EndpointModel model = open_endpoint_model(reference);
    const auto recall = [&, name = model.name, method = model.method](const std::string& product) {
      return earlier_provenance(named_as(evaluation, name, method, "@" + product));
    };
    auto generator =
        std::make_unique<EndpointGenerator>(std::move(model), endpoint_.checked(evaluation.generation), recall);
    const ServerFacts& facts = generator->facts();
    log_line(fmt::format("{} {}: seed {}; top_k {}", facts.product, facts.version, generator->manners().seed,
                         generator->manners().top_k));
    ModelEvaluation named =
        named_as(evaluation, generator->model().name, generator->model().method, "@" + facts.product);
    require_new(named.run_name);
    check_earlier_results(named, [&] { return generator->provenance(); });
    return {.evaluation = std::move(named), .opened = {}, .generator = std::move(generator)};
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
    code_.refuse_without(any_programs(evaluation.tasks));
    evaluation.seeds = parse_seeds(seeds_);
    if (limit_ && *limit_ < 1) throw Error::usage("--limit", fmt::format("{}", *limit_), "1 or more");
    evaluation.data = data_files(data_, evaluation.tasks);
    evaluation.limit = limit_;
    if (shuffle_seed_) evaluation.shuffle_seed = parse_seed(*shuffle_seed_, "--shuffle-seed");
    if (shuffle_seed_ && std::none_of(evaluation.tasks.begin(), evaluation.tasks.end(),
                                      [](const Task& task) { return task.pose != nullptr; }))
      throw Error::usage("--shuffle-seed", "no task that has choices to shuffle", "one, such as GPQA-Diamond");
    if (output_.empty() || output_ == "-") throw Error::usage("-o", fmt::format("\"{}\"", output_), "a folder");
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
