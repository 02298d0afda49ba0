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

  Devices devices() const override { return Devices::kAny; }

  void declare(OptionSet& options) override {
    options.positional("FILE", file_, "The study (.toml); docs/study.md describes it (default: studies/steps.toml)",
                       OptionSet::Need::kOptional);
    options.value(
        "-o,--output", output_,
        "Folder of checkpoints, results and tables (default: outputs/NAME, NAME-full with --full, NAME-limitN with "
        "--limit)");
    options.flag("--full", full_, "All problems of every task, not the fixed part of them that the study names");
    options.value("--limit", limit_, "The first N problems of every task instead of what the study names");
    code_.declare(options);
  }

  void run(const CommonOptions& common) override {
    const StudySpec spec = read_spec();
    const std::string part = full_ ? "-full" : limit_ ? fmt::format("-limit{}", *limit_) : "";
    folder_ = output_.value_or("outputs/" + spec.name + part);
    require_folder(spec);
    require_own_report(common);
    EngineStudyWorker worker(spec, if_exists(common), find_device(common.device));
    StudyOutcome outcome = run_study(
        spec, {.folder = folder_, .if_different = if_exists(common), .listener = terminal_progress()}, worker);
    if (!outcome.table.rows.empty()) {
      outcome.files.push_back(folder_ / kReport);
      write_report({.folder = folder_, .baseline = {}}, kReportAnswers, outcome.files.back());
    }
    common.json ? print_as_json(outcome) : print_as_text(outcome, common);
  }

 private:
  StudySpec read_spec() {
    StudySpec spec = file_.empty() ? parse_study(embedded_study(), kEmbeddedStudyFile)
                                   : parse_study(read_text_file(file_, 1 << 20), file_);
    if (full_ && limit_) throw Error::usage("--limit", "given together with --full", "one of them");
    if (limit_ && *limit_ < 1) throw Error::usage("--limit", fmt::format("{}", *limit_), "1 or more");
    for (StudyModel& model : spec.models)
      if (full_ || limit_) model.limit = limit_;
    for (StudyModel& model : spec.models) model.tasks = code_.graded(std::move(model.tasks));
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
  std::optional<std::string> output_;
  std::optional<std::int64_t> limit_;
  CodeOptions code_;
  bool full_ = false;
  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<Command> make_study_command() {
  return std::make_unique<StudyCommand>();
}

}  // namespace qreason
