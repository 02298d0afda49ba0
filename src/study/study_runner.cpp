#include "study/study_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/method_names.h"
#include "base/staged_directory.h"
#include "eval/evaluation_cell.h"
#include "eval/task.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxRecipe = 1 << 20;
constexpr const char* kResults = "results";
constexpr const char *kTableMarkdown = "table.md", *kTableCsv = "table.csv", *kTableJson = "table.json";

enum class Step { kOutliers, kQuantize, kMeasure, kEvaluate };

std::string_view name_of(Step step) {
  switch (step) {
    case Step::kOutliers:
      return "outliers";
    case Step::kQuantize:
      return "quantize";
    case Step::kMeasure:
      return "measure";
    case Step::kEvaluate:
      return "evaluate";
  }
  return "";
}

struct Planned {
  Step step;
  const StudyCell* cell;
};

std::string minutes(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// Says which step begins and how long the rest will take, by the mean duration of the steps of each kind so far.
class Clock {
 public:
  Clock(const std::vector<Planned>& plan, ProgressListener& listener) : plan_(&plan), listener_(listener) {}

  void begin(std::size_t index) {
    const double elapsed = since(start_);
    std::string left = "";
    if (index > 0) left = fmt::format(", about {} left", minutes(estimate(index)));
    const Planned& planned = (*plan_)[index];
    listener_.note(fmt::format("[{}/{}] {} {} ({} elapsed{})", index + 1, plan_->size(), name_of(planned.step),
                               planned.cell->run_name(), minutes(elapsed), left));
    step_start_ = std::chrono::steady_clock::now();
  }
  void end(std::size_t index) {
    auto& [sum, count] = durations_[(*plan_)[index].step];
    sum += since(step_start_);
    ++count;
  }

 private:
  using Time = std::chrono::steady_clock::time_point;
  static double since(Time start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  double estimate(std::size_t from) const {
    double sum = 0;
    double count = 0;
    for (const auto& [step, duration] : durations_) {
      sum += duration.first;
      count += static_cast<double>(duration.second);
    }
    double seconds = 0;
    for (std::size_t i = from; i < plan_->size(); ++i) {
      const auto known = durations_.find((*plan_)[i].step);
      seconds +=
          known == durations_.end() ? sum / count : known->second.first / static_cast<double>(known->second.second);
    }
    return seconds;
  }

  const std::vector<Planned>* plan_;
  ProgressListener& listener_;
  Time start_ = std::chrono::steady_clock::now();
  Time step_start_ = start_;
  std::map<Step, std::pair<double, std::int64_t>> durations_;
};

OrderedJson optional_json(const std::optional<std::int64_t>& value) {
  return value ? OrderedJson(*value) : OrderedJson(nullptr);
}

// What a model with outliers was made from; another one under the same name must not be taken for it.
OrderedJson outlier_settings(const StudyModel& model) {
  const StudyOutliers& outliers = *model.outliers;
  return {{"model", model.reference},
          {"seed", outliers.seed},
          {"channels", outliers.channels},
          {"factor", outliers.factor},
          {"key_bias", outliers.key_bias}};
}

// The same for a checkpoint.
OrderedJson quantize_settings(const StudyCell& cell) {
  const StudyMethod& quantization = cell.quantization;
  const StudyCalibration& calibration = quantization.calibration;
  OrderedJson settings = {{"model", cell.model->reference},
                          {"method", quantization.method},
                          {"dtype", cell.model->dtype},
                          {"set", quantization.set},
                          {"calibration",
                           {{"source", calibration.source},
                            {"samples", optional_json(calibration.samples)},
                            {"length", optional_json(calibration.length)}}}};
  if (cell.model->outliers) settings["outliers"] = outlier_settings(*cell.model);
  if (quantization.is_recipe_file()) settings["recipe"] = read_text_file(quantization.method, kMaxRecipe);
  return settings;
}

OrderedJson measure_settings(const StudyCell& cell, const OrderedJson& device) {
  const StudyMeasure& measure = *cell.model->measure;
  OrderedJson settings = {{"checkpoint", quantize_settings(cell)},
                          {"text", measure.text},
                          {"window", measure.window},
                          {"windows", measure.windows}};
  // (Files of before there were classes have none, and are portable.)
  if (const Arithmetic arithmetic = cell.model->arithmetic; arithmetic != Arithmetic::kPortable)
    settings["arithmetic"] = recorded_name(arithmetic);
  if (!device.is_null()) settings["device"] = device;
  return settings;
}

std::optional<OrderedJson> read_json_if(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  return parse_ordered_json(read_text_file(path), path.string());
}

class Study {
 public:
  Study(const StudySpec& spec, const StudyOptions& options, StudyWorker& worker)
      : spec_(spec), options_(options), worker_(worker) {
    for (const StudyModel& model : spec.models) {
      const std::string reference = model.outliers ? outlier_folder(model).string() : model.reference;
      for (const std::string& method : model.methods) {
        StudyCell cell{&model, reference, method, method_of(spec, model, method), {}, options.folder / kResults};
        if (!is_baseline(method) && !model.endpoint) cell.checkpoint = options.folder / "models" / cell.run_name();
        cells_.push_back(std::move(cell));
      }
    }
  }

  StudyOutcome run() {
    require_own_tables();
    for (const StudyModel& model : spec_.models) drop_other(model);
    for (const StudyCell& cell : cells_) drop_other(cell);
    const std::vector<Planned> plan = open_steps();
    std::set<const StudyModel*> needed;
    for (const auto& [step, cell] : plan) {
      if (!needed.insert(cell->model).second) continue;
      worker_.require(*cell->model, step == Step::kOutliers ? cell->model->reference : cell->reference);
    }
    Clock clock(plan, options_.listener);
    for (std::size_t i = 0; i < plan.size(); ++i) {
      check_interrupt();
      clock.begin(i);
      run_step(plan[i]);
      clock.end(i);
    }
    return write_tables();
  }

 private:
  fs::path outlier_folder(const StudyModel& model) const { return options_.folder / "models" / model.name; }
  fs::path settings_path(const StudyModel& model) const { return options_.folder / "models" / (model.name + ".json"); }
  fs::path settings_path(const StudyCell& cell) const {
    return options_.folder / "models" / (cell.run_name() + ".json");
  }
  fs::path measure_path(const StudyCell& cell) const {
    return options_.folder / "measures" / (cell.run_name() + ".json");
  }

  // Tables are written over where those of a study are; other files of these names need --force.
  void require_own_tables() const {
    const fs::path json = options_.folder / kTableJson;
    std::error_code failure;
    if (options_.if_different == IfExists::kReplace) return;
    if (fs::is_regular_file(json, failure)) {
      const Json found = parse_json(read_text_file(json), json.string());
      if (found.is_object() && found.contains("study")) return;
    }
    for (const char* name : {kTableMarkdown, kTableCsv, kTableJson}) {
      const fs::path path = options_.folder / name;
      if (fs::exists(fs::symlink_status(path, failure))) require_output_file(path, IfExists::kError);
    }
  }

  // Whether what these settings made has to go.
  bool is_other(const fs::path& settings, const OrderedJson& wanted) const {
    const auto found = read_json_if(settings);
    if (!found || *found == wanted) return false;
    if (options_.if_different == IfExists::kReplace) return true;
    throw Error(settings.string(), "made with other settings than the study's",
                "the same settings, another -o, or --force");
  }

  // Its quantized forms are refused, or go, by settings of their own.
  void drop_other(const StudyModel& model) {
    if (!model.outliers || !is_other(settings_path(model), outlier_settings(model))) return;
    StagedDirectory::remove(outlier_folder(model));
    drop_results(model, fmt::format("{}-{}", model.name, kBaselineMethod));
    fs::remove(settings_path(model));
  }

  // A checkpoint of other settings is an Error, or goes with its results; nothing else goes.
  void drop_other(const StudyCell& cell) {
    if (cell.baseline() || !is_other(settings_path(cell), quantize_settings(cell))) return;
    StagedDirectory::remove(cell.checkpoint);
    drop_results(*cell.model, cell.run_name());
    fs::remove(settings_path(cell));
  }

  void drop_results(const StudyModel& model, const std::string& run_name) const {
    for (const std::uint64_t seed : model.seeds) {
      std::vector<Task> tasks(task_table().begin(), task_table().end());
      tasks.insert(tasks.end(), model.tasks.begin(), model.tasks.end());
      for (const Task& task : tasks) {
        const fs::path file = result_path(options_.folder / kResults, run_name, seed, task.name);
        fs::remove(file);
        fs::remove(partial_path(file));
      }
      std::error_code not_empty;
      fs::remove(result_path(options_.folder / kResults, run_name, seed, "").parent_path(), not_empty);
    }
  }

  bool measured(const StudyCell& cell) const {
    const auto found = read_json_if(measure_path(cell));
    return found && found->is_object() && found->contains("settings") &&
           (*found)["settings"] == measure_settings(cell, worker_.device());
  }

  std::vector<Planned> open_steps() {
    std::vector<Planned> plan;
    std::set<const StudyModel*> made;
    for (const StudyCell& cell : cells_) {
      const std::size_t before = plan.size();
      const bool measure = cell.model->measure && !measured(cell);
      const bool evaluate = !cell.model->tasks.empty() && !worker_.evaluated(cell);
      if (!cell.baseline() && !fs::exists(cell.checkpoint)) plan.push_back({Step::kQuantize, &cell});
      if (measure) plan.push_back({Step::kMeasure, &cell});
      if (evaluate) plan.push_back({Step::kEvaluate, &cell});
      if (plan.size() == before || !cell.model->outliers || fs::exists(cell.reference)) continue;
      if (made.insert(cell.model).second) plan.insert(plan.begin() + before, {Step::kOutliers, &cell});
    }
    return plan;
  }

  void run_step(const Planned& planned) {
    const StudyCell& cell = *planned.cell;
    switch (planned.step) {
      case Step::kOutliers:
        fs::create_directories(options_.folder / "models");
        write_file_atomic(settings_path(*cell.model), outlier_settings(*cell.model).dump(2) + "\n");
        worker_.make_outliers(*cell.model, cell.reference);
        break;
      case Step::kQuantize:
        fs::create_directories(options_.folder / "models");
        write_file_atomic(settings_path(cell), quantize_settings(cell).dump(2) + "\n");
        worker_.quantize(cell);
        break;
      case Step::kMeasure: {
        const OrderedJson result = {{"settings", measure_settings(cell, worker_.device())},
                                    {"result", worker_.measure(cell)}};
        fs::create_directories(options_.folder / "measures");
        write_file_atomic(measure_path(cell), result.dump(2) + "\n");
        break;
      }
      case Step::kEvaluate:
        worker_.evaluate(cell);
        break;
    }
  }

  OrderedJson collect_measures() const {
    OrderedJson rows = OrderedJson::array();
    for (const StudyCell& cell : cells_) {
      if (!cell.model->measure) continue;
      OrderedJson row = {{"model", cell.model->name}, {"method", cell.method}};
      const auto found = read_json_if(measure_path(cell));
      if (found) row.update((*found)["result"]);
      if (const OrderedJson device = worker_.device(); !device.is_null()) row["device"] = device;
      rows.push_back(std::move(row));
    }
    return rows;
  }

  // Only this study's runs: the folder may hold those of an earlier, larger grid.
  std::vector<StudyRun> collect_results() const {
    std::vector<StudyRun> runs;
    for (const StudyCell& cell : cells_)
      for (const std::uint64_t seed : cell.model->seeds)
        for (const Task& task : cell.model->tasks)
          runs.push_back(to_study_run(read_result_file(result_path(cell.results, cell.run_name(), seed, task.name))));
    return runs;
  }

  StudyOutcome write_tables() const {
    StudyOutcome outcome;
    outcome.measures = collect_measures();
    TableOptions order;
    for (const StudyModel& model : spec_.models) {
      order.models.push_back(model.name);
      for (const std::string& method : model.methods)
        if (std::find(order.methods.begin(), order.methods.end(), method) == order.methods.end())
          order.methods.push_back(method);
    }
    const std::vector<StudyRun> runs = collect_results();
    outcome.markdown = measures_markdown(outcome.measures);
    OrderedJson json = {{"study", spec_.name}, {"measures", outcome.measures}};
    fs::create_directories(options_.folder);
    if (!runs.empty()) {
      outcome.table = make_table(runs, order);
      const std::string before = outcome.markdown.empty() ? "" : outcome.markdown + "\n";
      outcome.markdown = before + to_markdown(outcome.table);
      outcome.summary = before + to_summary(outcome.table);
      json.update(to_json(outcome.table));
    }
    // First the one by which require_own_tables() knows the others, should the disk be full before they are written.
    put(outcome, kTableJson, json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
    if (!runs.empty()) put(outcome, kTableCsv, to_csv(outcome.table));
    if (outcome.summary.empty()) outcome.summary = outcome.markdown;
    put(outcome, kTableMarkdown, outcome.markdown);
    return outcome;
  }

  void put(StudyOutcome& outcome, const std::string& name, const std::string& content) const {
    outcome.files.push_back(options_.folder / name);
    write_file_atomic(outcome.files.back(), content);
  }

  const StudySpec& spec_;
  const StudyOptions& options_;
  StudyWorker& worker_;
  std::vector<StudyCell> cells_;
};

std::string measure_cell(const OrderedJson& row, const char* key, int decimals, double scale) {
  if (!row.contains(key) || !row[key].is_number()) return "-";
  return fmt::format("{:.{}f}", scale * row[key].get<double>(), decimals);
}

}  // namespace

std::string measures_markdown(const OrderedJson& measures) {
  if (measures.empty()) return "";
  std::string text =
      "**Perplexity and agreement with the unquantized model**\n\n"
      "| Model | Method | perplexity | KL mean | KL 99 % | same top-1 (%) | weights (MiB) |\n"
      "| :-- | :-- | --: | --: | --: | --: | --: |\n";
  for (const OrderedJson& row : measures)
    text += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", row["model"].get<std::string>(),
                        row["method"].get<std::string>(), measure_cell(row, "perplexity", 3, 1),
                        measure_cell(row, "kl_mean", 4, 1), measure_cell(row, "kl_p99", 3, 1),
                        measure_cell(row, "same_top1", 1, 100), measure_cell(row, "weight_bytes", 1, 1.0 / (1 << 20)));
  return text;
}

StudyOutcome run_study(const StudySpec& spec, const StudyOptions& options, StudyWorker& worker) {
  return Study(spec, options, worker).run();
}

}  // namespace qreason
