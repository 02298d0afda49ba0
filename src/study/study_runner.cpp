#include "study/study_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/method_names.h"
#include "base/staged_directory.h"
#include "eval/evaluation_cell.h"
#include "eval/task.h"
#include "study/study_folder.h"
#include "study/study_merge.h"
#include "study/study_settings.h"
#include "study/study_steps.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char *kTableMarkdown = "table.md", *kTableCsv = "table.csv", *kTableJson = "table.json";

class Study {
 public:
  Study(const StudySpec& spec, const StudyOptions& options, StudyWorker& worker)
      : spec_(spec), options_(options), worker_(worker), own_(options.folder, spec.file) {
    std::size_t count = 0;
    for (const StudyModel& model : spec.models) {
      if (model.weights != model.name) continue;  // with the model itself, below
      for (const std::string& method : model.methods) {
        if (!options.shard.has(count++)) continue;
        add_cell(model, method);
        for (const StudyModel& limited : spec.models)
          if (limited.weights == model.name && &limited != &model && !model.endpoint) add_cell(limited, method);
      }
    }
  }

  StudyOutcome run() {
    require_own_tables();
    if (!options_.merged.empty()) merge();
    drop_others();
    const std::vector<PlannedStep> plan = open_steps();
    if (!options_.merged.empty()) require_finished(plan);
    require_models(plan);
    run_steps(plan);
    return options_.shard.is_whole() ? write_tables() : StudyOutcome{};
  }

 private:
  // Cells that run the same checkpoint follow each other.
  void add_cell(const StudyModel& model, const std::string& method) {
    const std::string reference = model.outliers ? own_.outliers(model).string() : model.reference;
    StudyCell cell{&model, reference, method, method_of(spec_, model, method), {}, own_.results()};
    if (!is_baseline(method) && !model.endpoint) cell.checkpoint = own_.checkpoint(cell);
    cells_.push_back(std::move(cell));
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
    const auto difference = own_.difference(settings, wanted);
    if (!difference) return false;
    if (options_.if_different == IfExists::kReplace) return true;
    throw Error(settings.string(), fmt::format("made with other settings ({})", *difference),
                "the same settings, another -o, or --force");
  }

  // A model or checkpoint of other settings is an Error, or goes with the results of all rows that ran it; nothing else
  // goes. Quantized forms of a model with outliers are refused, or go, by settings of their own.
  void drop_others() {
    std::vector<const StudyModel*> models;
    for (const StudyModel& model : spec_.models)
      if (model.outliers && is_other(own_.settings(model), outlier_settings(model))) models.push_back(&model);
    std::vector<const StudyCell*> cells;
    for (const StudyCell& cell : cells_)
      if (!cell.baseline() && is_other(own_.settings(cell), quantize_settings(cell))) cells.push_back(&cell);
    for (const StudyModel* model : models) {
      StagedDirectory::remove(own_.outliers(*model));
      drop_results(*model, fmt::format("{}-{}", model->name, kBaselineMethod));
      fs::remove(own_.settings(*model));
    }
    for (const StudyCell* cell : cells) {
      StagedDirectory::remove(cell->checkpoint);
      drop_results(*cell->model, cell->run_name());
      fs::remove(own_.settings(*cell));
    }
  }

  void drop_results(const StudyModel& model, const std::string& run_name) const {
    for (const std::uint64_t seed : model.seeds) {
      std::vector<Task> tasks(task_table().begin(), task_table().end());
      tasks.insert(tasks.end(), model.tasks.begin(), model.tasks.end());
      for (const Task& task : tasks) {
        const fs::path file = result_path(own_.results(), run_name, seed, task.name);
        fs::remove(file);
        fs::remove(partial_path(file));
      }
      std::error_code not_empty;
      fs::remove(result_path(own_.results(), run_name, seed, "").parent_path(), not_empty);
    }
  }

  bool measured(const StudyCell& cell) const {
    const auto found = own_.measured_with(cell);
    return found && *found == measure_settings(cell, worker_.device());
  }

  // Files of other settings are refused here, before any work, or replaced by evaluate().
  bool has_open_results(const StudyCell& cell) {
    const auto open = worker_.open_results(cell);
    if (open && open->kind == StudyWorker::Open::Kind::kOther && options_.if_different == IfExists::kError)
      throw Error(fmt::format("results of {}", cell.run_name()),
                  fmt::format("other settings ({}, by {})", open->what, spec_.file.string()),
                  "the same settings, another -o, or --force");
    return open.has_value();
  }

  std::vector<PlannedStep> open_steps() {
    std::vector<PlannedStep> plan;
    std::set<std::string> made, quantized;
    for (const StudyCell& cell : cells_) {
      const std::size_t before = plan.size();
      const bool measure = cell.model->measure && !measured(cell);
      const bool evaluate = !cell.model->tasks.empty() && has_open_results(cell);
      if (!cell.baseline() && !fs::exists(cell.checkpoint) && quantized.insert(cell.weights_name()).second)
        plan.push_back({StudyStep::kQuantize, &cell});
      if (measure) plan.push_back({StudyStep::kMeasure, &cell});
      if (evaluate) plan.push_back({StudyStep::kEvaluate, &cell});
      if (plan.size() == before || !cell.model->outliers || fs::exists(cell.reference)) continue;
      if (made.insert(cell.reference).second) plan.insert(plan.begin() + before, {StudyStep::kOutliers, &cell});
    }
    return plan;
  }

  // What the shards' folders have of every cell.
  void merge() {
    for (const fs::path& folder : options_.merged) {
      if (!fs::is_directory(folder)) throw Error(folder.string(), "no such folder", "a folder of this study");
      // Before anything of another study's is brought here.
      for (const StudyCell& cell : cells_)
        if (const auto other = StudyFolder(folder, spec_.file).difference(cell, worker_))
          throw Error(folder.string(), "other settings (" + *other + ")", "a folder of this study");
    }
    for (const fs::path& folder : options_.merged) {
      for (const StudyCell& cell : cells_)
        bring_pieces(folder, options_.folder, pieces_of(cell), options_.if_different);
    }
  }

  StudyPieces pieces_of(const StudyCell& cell) const {
    StudyPieces pieces;
    const auto add = [&](std::vector<fs::path>& to, const fs::path& path) {
      to.push_back(path.lexically_relative(options_.folder));
    };
    if (cell.model->outliers) {
      add(pieces.files, own_.settings(*cell.model));
      add(pieces.folders, own_.outliers(*cell.model));
    }
    if (!cell.baseline()) {
      add(pieces.files, own_.settings(cell));
      add(pieces.folders, cell.checkpoint);
    }
    if (cell.model->measure) add(pieces.files, own_.measure(cell));
    for (const std::uint64_t seed : cell.model->seeds)
      for (const Task& task : cell.model->tasks)
        add(pieces.files, result_path(cell.results, cell.run_name(), seed, task.name));
    return pieces;
  }

  void require_finished(const std::vector<PlannedStep>& plan) {
    if (plan.empty()) return;
    const auto& [step, cell] = plan.front();
    const auto open = step == StudyStep::kEvaluate ? worker_.open_results(*cell) : std::nullopt;
    throw Error("--merge",
                fmt::format("{} steps that no folder has finished, the first of them {}{}", plan.size(),
                            text_of(plan.front()), open ? " (" + open->what + ")" : ""),
                "the folders of all shards, each run to its end");
  }

  void require_models(const std::vector<PlannedStep>& plan) {
    std::set<const StudyModel*> needed;
    for (const auto& [step, cell] : plan) {
      if (!needed.insert(cell->model).second) continue;
      worker_.require(*cell->model, step == StudyStep::kOutliers ? cell->model->reference : cell->reference);
    }
    for (const auto& [step, cell] : plan) worker_.require_step(step, *cell);
  }

  void run_steps(const std::vector<PlannedStep>& plan) {
    const int jobs = jobs_for(plan);
    StudyClock clock(plan, jobs, options_.listener);
    const auto run = [&](std::size_t index, StudyWorker& worker) {
      check_interrupt();
      clock.timed(index, [&] { run_step(plan[index], worker); });
    };
    if (jobs > 1) return run_side_by_side(plan, jobs, run);
    for (std::size_t i = 0; i < plan.size(); ++i) run(i, worker_);
  }

  int jobs_for(const std::vector<PlannedStep>& plan) {
    std::vector<const StudyCell*> open;
    for (const auto& [step, cell] : plan)
      if (open.empty() || !shares_weights(*open.back(), *cell)) open.push_back(cell);
    if (open.size() < 2) return 1;
    const int jobs = options_.jobs > 0 ? options_.jobs : worker_.side_by_side(open);
    return static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(jobs), open.size()));
  }

  static bool shares_weights(const StudyCell& a, const StudyCell& b) {
    return &a == &b || (!a.model->endpoint && !b.model->endpoint && a.weights_name() == b.weights_name());
  }

  // The steps of cells that share a checkpoint one after another, others on whichever thread is free; models with
  // outliers before all. After a failure no step begins, and what has begun is ended and kept.
  template <class Run>
  void run_side_by_side(const std::vector<PlannedStep>& plan, int jobs, const Run& run) {
    std::vector<std::vector<std::size_t>> cells;
    for (std::size_t i = 0; i < plan.size(); ++i) {
      if (plan[i].step == StudyStep::kOutliers) {
        run(i, worker_);
      } else if (cells.empty() || !shares_weights(*plan[cells.back().front()].cell, *plan[i].cell)) {
        cells.push_back({i});
      } else {
        cells.back().push_back(i);
      }
    }
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(jobs));
    std::vector<std::thread> threads;
    for (int job = 0; job < jobs; ++job)
      threads.emplace_back([&, job] {
        try {
          const std::unique_ptr<StudyWorker> worker = worker_.beside(jobs);
          for (std::size_t cell = next++; cell < cells.size(); cell = next++)
            for (const std::size_t step : cells[cell])
              if (!failed) run(step, *worker);
        } catch (...) {
          failures[static_cast<std::size_t>(job)] = std::current_exception();
          failed = true;
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }

  void run_step(const PlannedStep& planned, StudyWorker& worker) {
    const StudyCell& cell = *planned.cell;
    switch (planned.step) {
      case StudyStep::kOutliers:
        fs::create_directories(options_.folder / "models");
        write_file_atomic(own_.settings(*cell.model), outlier_settings(*cell.model).dump(2) + "\n");
        worker.make_outliers(*cell.model, cell.reference);
        break;
      case StudyStep::kQuantize:
        fs::create_directories(options_.folder / "models");
        write_file_atomic(own_.settings(cell), quantize_settings(cell).dump(2) + "\n");
        worker.quantize(cell);
        break;
      case StudyStep::kMeasure: {
        const OrderedJson result = {{"settings", measure_settings(cell, worker.device())},
                                    {"result", worker.measure(cell)}};
        fs::create_directories(options_.folder / "measures");
        write_file_atomic(own_.measure(cell), result.dump(2) + "\n");
        break;
      }
      case StudyStep::kEvaluate:
        worker.evaluate(cell);
        break;
    }
  }

  OrderedJson collect_measures() const {
    OrderedJson rows = OrderedJson::array();
    for (const StudyCell& cell : cells_) {
      if (!cell.model->measure) continue;
      OrderedJson row = {{"model", cell.model->name}, {"method", cell.method}};
      const auto found = read_json_if(own_.measure(cell));
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
  const StudyFolder own_;
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
