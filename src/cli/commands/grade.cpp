#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "cli/code_options.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/process_executor.h"
#include "cli/run_options.h"
#include "cli/terminal.h"
#include "eval/answer_form.h"
#include "eval/regrade.h"
#include "study/collect.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

double accuracy(const Regraded& result) {
  return result.file.answers.empty()
             ? 0
             : static_cast<double>(result.correct) / static_cast<double>(result.file.answers.size());
}

class GradeCommand : public Command {
 public:
  std::string_view name() const override { return "grade"; }
  std::string_view purpose() const override { return "Grades stored generations again, without a model"; }
  std::string_view example() const override { return "qreason grade outputs"; }

  void declare(OptionSet& options) override {
    options.positionals("PATH", paths_, "Result files of ours or of the study, or folders of them");
    options.flag("--write", write_, "Write the new grades into our files");
    options.flag("--finished-only", finished_only_, "Count answers whose thought does not come to an end as wrong");
    options.value("--explain", explain_,
                  "Print how the answer to the problem with this id is graded, and nothing else");
    options.repeated("--data", data_, "NAME=PATH: the file of a data set, for answers that are programs");
    code_.declare(options);
    options.value("--study-form", study_form_,
                  "Write the results in the study's form below this folder, to MODEL-METHOD-seedS/TASK.jsonl");
    options.flag("--study-names", study_names_,
                 "Name these folders as make_stats_table of the study's repository looks for them: MODEL-seedS, "
                 "MODEL-METHOD-tp4-seedS (tp8 for a 70B model)");
  }

  void run(const CommonOptions& common) override {
    if (study_names_ && !study_form_) throw Error::usage("--study-names", "given alone", "--study-form with it");
    if (explain_) return explain(common);
    const RegradeOptions options = regrade_options();
    OrderedJson files = OrderedJson::array();
    TextTable table({{"TASK"},
                     {"RIGHT", Align::kRight},
                     {"ACCURACY", Align::kRight},
                     {"CHANGED", Align::kRight},
                     {"IN THOUGHT", Align::kRight},
                     {"FILE"}});
    for (const std::string& path : paths_) {
      for (const fs::path& file : result_files(path)) {
        const Regraded result = regrade(file, process_executor().pool(), options);
        store(result, common);
        files.push_back(as_json(result));
        table.add_row({result.file.header.task, fmt::format("{}/{}", result.correct, result.file.answers.size()),
                       fmt::format("{:.1f} %", 100 * accuracy(result)), fmt::format("{}", result.changed),
                       result.right_in_thought ? fmt::format("{}", *result.right_in_thought) : "-",
                       printable(file.string())});
      }
    }
    if (common.json) return print_json({{"files", files}});
    fmt::print("{}", table.text(cut_columns(common)));
  }

 private:
  RegradeOptions regrade_options() {
    return {.unfinished = finished_only_ ? UnfinishedThoughts::kWrong : UnfinishedThoughts::kAsTheyStand,
            .code = code_.checked(),
            .data = data_files_of_results(data_)};
  }

  void explain(const CommonOptions& common) {
    refuse_given(common, {"--write", "--study-form"}, "given together with --explain", "one of them");
    const RegradeOptions options = regrade_options();
    OrderedJson explained = OrderedJson::array();
    for (const std::string& path : paths_) {
      for (const fs::path& file : result_files(path)) {
        const auto lines = explain_answer(file, *explain_, options);
        if (!lines) continue;
        explained.push_back({{"path", file.string()}, {"id", *explain_}, {"lines", OrderedJson::array()}});
        for (std::size_t begin = 0; begin < lines->size();) {
          const std::size_t end = std::min(lines->find('\n', begin), lines->size());
          explained.back()["lines"].push_back(lines->substr(begin, end - begin));
          begin = end + 1;
        }
      }
    }
    if (explained.empty()) throw Error::usage("--explain", *explain_, "the id of an answer in these files");
    if (common.json) return print_json({{"explained", explained}});
    for (const OrderedJson& one : explained) {
      fmt::print("{}\n", printable(one["path"].get<std::string>()));
      for (const OrderedJson& line : one["lines"]) fmt::print("{}\n", printable(line.get<std::string>()));
    }
  }

  void store(const Regraded& result, const CommonOptions& common) const {
    const ResultFile& file = result.file;
    if (write_) {
      if (file.format != ResultFormat::kOurs)
        throw Error(file.path.string(), "a file of the study and --write", "one of ours; --study-form writes a copy");
      const bool other_place = to_json(read_header(file.path, result_form())) != to_json(file.header);
      if (result.changed > 0 || other_place) write_result_file(file.path, file.header, file.answers);
    }
    if (!study_form_) return;
    if (file.header.dataset.is_object() && file.header.dataset.contains("task"))
      throw Error(file.path.string(), "a task of one's own and --study-form",
                  "a task of `qreason evaluate --help`: the study's form does not say how others are graded");
    const std::string folder = study_names_ ? study_script_folder_name(file) : study_folder_name(file);
    const fs::path target = fs::path(*study_form_) / folder / (file.header.task + ".jsonl");
    fs::create_directories(target.parent_path());
    require_output_file(target, if_exists(common));
    write_file_atomic(target, to_study_json(file));
  }

  static OrderedJson as_json(const Regraded& result) {
    OrderedJson grades = OrderedJson::array();
    for (const AnswerRecord& answer : result.file.answers) grades.push_back(answer.grade);
    return {
        {"path", result.file.path.string()},
        {"task", result.file.header.task},
        {"count", result.file.answers.size()},
        {"accuracy", accuracy(result)},
        {"unfinished", result.unfinished},
        {"right_in_thought", result.right_in_thought ? OrderedJson(*result.right_in_thought) : OrderedJson(nullptr)},
        {"grades", grades}};
  }

  std::vector<std::string> paths_, data_;
  CodeOptions code_;
  std::optional<std::string> study_form_;
  std::optional<std::string> explain_;
  bool write_ = false;
  bool study_names_ = false;
  bool finished_only_ = false;
};

}  // namespace

std::unique_ptr<Command> make_grade_command() {
  return std::make_unique<GradeCommand>();
}

}  // namespace qreason
