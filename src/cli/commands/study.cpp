#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/staged_directory.h"
#include "cli/code_options.h"
#include "cli/commands.h"
#include "cli/device.h"
#include "cli/embedded_study.h"
#include "cli/narrow_tables.h"
#include "cli/output.h"
#include "cli/report_file.h"
#include "cli/run_options.h"
#include "cli/study_worker.h"
#include "cli/terminal.h"
#include "study/slurm_script.h"
#include "study/study_shard.h"

namespace qreason {
namespace {

class StudyCommand : public Command {
 public:
  std::string_view name() const override { return "study"; }
  std::string_view purpose() const override {
    return "Runs a grid of models, methods, tasks and seeds, prints the tables and writes a report; the same command "
           "goes on after a "
           "kill. Without a file: the embedded study of small reasoning models, in minutes";
  }
  std::string_view example() const override { return "qreason study --full"; }

  AfterInterrupt after_interrupt() const override { return AfterInterrupt::kGoesOn; }

  Devices devices() const override { return slurm_ ? Devices::kOfAnotherMachine : Devices::kAny; }
  bool has_types() const override { return true; }

  void declare(OptionSet& options) override {
    options.positional("FILE", file_, "The study (.toml); docs/study.md describes it (default: studies/steps.toml)",
                       OptionSet::Need::kOptional);
    options.value(
        "-o,--output", output_,
        "Folder of checkpoints, results and tables (default: outputs/NAME, NAME-full with --full, NAME-limitN with "
        "--limit)");
    options.flag("--full", full_, "All problems of every task, not the fixed part of them that the study names");
    options.value("--limit", limit_, "The first N problems of every task instead of what the study names");
    options.value("--jobs", jobs_,
                  "Cells (model and method) that are worked on side by side, with the same results (default: as many "
                  "as there are threads and memory for while the models are small, else 1)");
    options.value("--shards", shards_,
                  "K/N: run only the K-th of N parts of the grid, into outputs/NAME-shard-K-of-N; --merge makes the "
                  "tables of them. With --slurm N alone: how many parts");
    options.several("--merge", merged_,
                    "Folders of all shards: bring their results, checkpoints and measurements together in -o, and "
                    "make the tables");
    options.flag("--slurm", slurm_,
                 "Print a script for sbatch that runs the study as an array of jobs, and run nothing (default: a part "
                 "for each model and method)");
    code_.declare(options);
  }

  void run(const CommonOptions& common) override {
    refuse_contradictions(common);
    const StudySpec spec = read_spec();
    const StudyShard shard = shards_ && !slurm_ ? parse_shard(*shards_) : StudyShard{};
    folder_ = output_.value_or("outputs/" + spec.name + part_name(shard));
    if (slurm_) return print_slurm(spec, common);
    require_folder(spec);
    require_own_report(common);
    EngineStudyWorker worker(spec, if_exists(common), find_device(common.device));
    StudyOutcome outcome = run_study(spec,
                                     {.folder = folder_,
                                      .if_different = if_exists(common),
                                      .listener = terminal_progress(),
                                      .shard = shard,
                                      .merged = {merged_.begin(), merged_.end()},
                                      .jobs = static_cast<int>(jobs_.value_or(0))},
                                     worker);
    if (!shard.is_whole()) return print_shard(shard, common);
    if (!outcome.table.rows.empty()) {
      outcome.files.push_back(folder_ / kReport);
      write_report({.folder = folder_, .baseline = {}}, kReportAnswers, outcome.files.back());
    }
    common.json ? print_as_json(outcome) : print_as_text(outcome, common);
  }

 private:
  void refuse_contradictions(const CommonOptions& common) const {
    if (jobs_ && (*jobs_ < 1 || *jobs_ > kMostJobs))
      throw Error::usage("--jobs", fmt::format("{}", *jobs_), fmt::format("1 to {}", kMostJobs));
    if (jobs_.value_or(1) > 1 && common.device != "cpu")
      throw Error::usage("--jobs", fmt::format("given together with --device {}", common.device),
                         "one of them: a device works on one cell at a time");
    if (common.dtype != "auto")
      throw Error::usage("--dtype", common.dtype, "`dtype` in the study's file, for all models or one");
    if (!merged_.empty())
      refuse_given(common, {"--shards", "--slurm", "--jobs"}, "given together with --merge", "one of them");
  }

  std::string part_name(const StudyShard& shard) const {
    std::string name = full_ ? "-full" : limit_ ? fmt::format("-limit{}", *limit_) : "";
    if (!shard.is_whole()) name += fmt::format("-shard-{}-of-{}", shard.index, shard.count);
    return name;
  }

  // Of the parts that --slurm is asked for; by default one for each cell.
  std::int64_t slurm_parts(const StudySpec& spec) const {
    std::int64_t cells = 0;
    for (const StudyModel& model : spec.models)
      if (model.weights == model.name) cells += static_cast<std::int64_t>(model.methods.size());
    return shards_ ? parse_shard("1/" + *shards_).count : cells;
  }

  void print_slurm(const StudySpec& spec, const CommonOptions& common) const {
    std::vector<std::string> words = {"study"};
    if (!file_.empty()) words.push_back(std::filesystem::absolute(file_).string());
    if (full_) words.emplace_back("--full");
    if (limit_) words.push_back(fmt::format("--limit={}", *limit_));
    if (jobs_) words.push_back(fmt::format("--jobs={}", *jobs_));
    if (common.device != "cpu") words.push_back("--device=" + common.device);
    if (common.force) words.emplace_back("--force");
    for (std::string& word : code_.words()) words.push_back(std::move(word));
    const std::string script = slurm_script({.name = spec.name,
                                             .program = std::filesystem::read_symlink("/proc/self/exe").string(),
                                             .command = words,
                                             .folder = std::filesystem::absolute(folder_),
                                             .shards = slurm_parts(spec)});
    if (common.json) return print_json({{"script", script}});
    fmt::print("{}", script);
  }

  void print_shard(const StudyShard& shard, const CommonOptions& common) const {
    if (common.json) return print_json({{"folder", folder_.string()}, {"shard", shard.index}, {"shards", shard.count}});
    fmt::print("Part {} of {} is done in {}; when all are: qreason study --merge, with their folders\n", shard.index,
               shard.count, printable(folder_.string()));
  }

  StudySpec read_spec() {
    StudySpec spec = file_.empty() ? parse_study(embedded_study(), kEmbeddedStudyFile)
                                   : parse_study(read_text_file(file_, 1 << 20), file_);
    if (full_ && limit_) throw Error::usage("--limit", "given together with --full", "one of them");
    if (limit_ && *limit_ < 1) throw Error::usage("--limit", fmt::format("{}", *limit_), "1 or more");
    for (StudyModel& model : spec.models)
      if (full_ || limit_) model.limit = limit_;
    bool programs = false;
    for (StudyModel& model : spec.models) {
      model.tasks = code_.graded(std::move(model.tasks));
      programs = programs || any_programs(model.tasks);
    }
    code_.refuse_without(programs);
    return spec;
  }

  // A folder of its own: not the one that is worked in, nor a model's.
  void require_folder(const StudySpec& spec) const {
    std::vector<std::filesystem::path> models;
    std::error_code failure;
    for (const StudyModel& model : spec.models)
      if (std::filesystem::is_directory(model.reference, failure)) models.emplace_back(model.reference);
    StagedDirectory::refuse_precious(folder_, models);
  }

  // The page goes where the tables go: over one of before, but over no file that was here before the study.
  void require_own_report(const CommonOptions& common) const {
    if (!std::filesystem::exists(folder_ / "table.json") && std::filesystem::exists(folder_))
      require_output_file(folder_ / kReport, if_exists(common));
  }

  void print_as_text(const StudyOutcome& outcome, const CommonOptions& common) const {
    fmt::print("{}\nTables, report, results and checkpoints:\n",
               common.wide ? aligned_tables(outcome.summary) : narrow(outcome, output_columns(common)));
    for (const auto& file : outcome.files) fmt::print("  {}\n", printable(file.string()));
    for (const char* folder : {"results", "measures", "models"}) {
      const std::filesystem::path path = folder_ / folder;
      if (std::filesystem::exists(path)) fmt::print("  {}/\n", printable(path.string()));
    }
  }

  static std::string narrow(const StudyOutcome& outcome, std::size_t columns) {
    const std::string measures = narrow_measures(outcome.measures, columns);
    const bool both = !measures.empty() && !outcome.table.rows.empty();
    return measures + (both ? "\n" : "") + (outcome.table.rows.empty() ? "" : narrow_tables(outcome.table, columns));
  }

  void print_as_json(const StudyOutcome& outcome) const {
    OrderedJson files = OrderedJson::array();
    for (const auto& file : outcome.files) files.push_back(file.string());
    print_json({{"folder", folder_.string()},
                {"files", files},
                {"measures", outcome.measures},
                {"table", to_json(outcome.table)}});
  }

  static constexpr const char* kReport = "report.html";
  std::string file_;
  static constexpr std::int64_t kMostJobs = 1024;
  std::optional<std::string> output_, shards_;
  std::optional<std::int64_t> jobs_;
  std::vector<std::string> merged_;
  std::optional<std::int64_t> limit_;
  CodeOptions code_;
  bool full_ = false, slurm_ = false;
  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<Command> make_study_command() {
  return std::make_unique<StudyCommand>();
}

}  // namespace qreason
