#include "study/collect.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/lower_case.h"
#include "base/method_names.h"
#include "eval/graders/thinking.h"
#include "eval/regrade.h"
#include "eval/task.h"
#include "study/looping.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSeedMark = "-seed";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "DIR/<name>-seed<digits>/FILE.jsonl", finished files only.
bool is_result_path(const fs::path& path) {
  const std::string extension = path.extension().string();
  if (extension != ".jsonl" && extension != ".json") return false;
  const std::string folder = path.parent_path().filename().string();
  const std::size_t mark = folder.rfind(kSeedMark);
  return mark != std::string::npos && is_digits(std::string_view(folder).substr(mark + kSeedMark.size()));
}

std::string sandbox_of(const ResultHeader& header) {
  const bool graded = header.dataset.is_object() && header.dataset.contains("grading");
  return graded ? text_or_empty(header.dataset["grading"], "sandbox") : "";
}

RunOrigin origin_of(const ResultHeader& header) {
  const OrderedJson& provenance = header.provenance;
  if (!provenance.is_object() || !provenance.contains("model")) return {.sandbox = sandbox_of(header)};
  const OrderedJson& model = provenance["model"];
  RunOrigin origin{.model_sha256 = text_or_empty(model, "sha256"),
                   .original_sha256 = text_or_empty(model, "original_sha256"),
                   .dtype = text_or_empty(model, "dtype"),
                   .arithmetic = text_or_empty(provenance, "arithmetic"),
                   .sampling = provenance.contains("sampling") ? provenance["sampling"].dump() : "",
                   .dataset_sha256 = text_or_empty(header.dataset, "sha256"),
                   .shuffle_seed = header.dataset.contains("shuffle_seed") ? header.dataset["shuffle_seed"].dump() : "",
                   .sandbox = sandbox_of(header)};
  if (origin.original_sha256.empty() && is_baseline(header.method)) origin.original_sha256 = origin.model_sha256;
  return origin;
}

std::string plain_folder(const ResultFile& file, const std::string& name) {
  if (is_plain_name(name)) return name;
  throw Error(file.path.string(), fmt::format("model \"{}\", method \"{}\"", file.header.model, file.header.method),
              kPlainName);
}

// What the grader of the task says of thoughts, and of answers where the file has none.
void grade_again(const ResultFile& file, Collected what, StudyRun& result) {
  const std::optional<Task> task = task_of_results(file);
  if (!task || task->graded_by != GradedBy::kGold) return;
  for (const AnswerRecord& answer : file.answers)
    result.run.in_thought.push_back(answer.grade == 0 && right_in_thought(*task, answer));
  if (what == Collected::kGrades || !task->same_answer) return;
  result.same_answer = task->same_answer;
  for (const AnswerRecord& answer : file.answers) {
    const Problem problem{.id = answer.problem_id, .question = {}, .gold = answer.gold, .fields = {}};
    const bool recorded = file.format == ResultFormat::kOurs;
    result.run.answers.push_back(recorded ? answer.extracted : task->grader(answer.text, problem).extracted);
  }
}

bool is_study_folder(const fs::path& folder) {
  std::error_code failure;
  if (!fs::is_directory(folder / "results", failure)) return false;
  return fs::is_directory(folder / "models", failure) || fs::is_directory(folder / "measures", failure) ||
         fs::is_regular_file(folder / "table.json", failure);
}

}  // namespace

RunName split_run_name(std::string_view name) {
  const std::string lower = lower_case(name);
  std::size_t begin = std::string::npos;
  for (const std::string_view family : method_families()) {
    for (std::size_t at = lower.find(family, 1); at != std::string::npos; at = lower.find(family, at + 1)) {
      const std::size_t end = at + family.size();
      if (lower[at - 1] == '-' && (end == lower.size() || lower[end] == '-')) begin = std::min(begin, at);
    }
  }
  const bool known = begin != std::string::npos;
  std::string_view model = known ? name.substr(0, begin - 1) : name;
  std::string_view method = known ? name.substr(begin) : kUnknownMethod;
  std::string_view& last = known ? method : model;
  if (last.ends_with("-tp1")) last.remove_suffix(4);
  return {std::string(model), std::string(method)};
}

std::string study_folder_name(const ResultFile& file) {
  const std::string own = fs::absolute(file.path).parent_path().filename().string();
  if (file.format == ResultFormat::kStudy) return own;
  const ResultHeader& header = file.header;
  const RunName says = split_run_name(std::string_view(own).substr(0, own.rfind(kSeedMark)));
  const bool same_run = own.ends_with(fmt::format("{}{}", kSeedMark, header.seed));
  if (same_run && says.model == header.model && says.method == header.method) return own;
  return plain_folder(file, fmt::format("{}-{}{}{}", header.model, header.method, kSeedMark, header.seed));
}

std::string study_script_folder_name(const ResultFile& file) {
  if (file.format == ResultFormat::kStudy) return study_folder_name(file);
  const ResultHeader& header = file.header;
  const bool own_degree = header.method.find("-tp") != std::string::npos || header.method.starts_with("quantized");
  const char* degree = own_degree ? "" : header.model.find("70B") != std::string::npos ? "-tp8" : "-tp4";
  const std::string method = is_baseline(header.method) ? "" : fmt::format("-{}{}", header.method, degree);
  return plain_folder(file, fmt::format("{}{}{}{}", header.model, method, kSeedMark, header.seed));
}

std::int64_t count_steps(std::string_view text) {
  std::int64_t pieces = 1;
  for (std::size_t at = text.find("\n\n"); at != std::string_view::npos; at = text.find("\n\n", at + 2)) ++pieces;
  return pieces;
}

StudyRun to_study_run(const ResultFile& file, Collected what) {
  StudyRun result{file.header.model, file.header.method, file.header.task, origin_of(file.header), {}};
  if (file.format == ResultFormat::kStudy) {
    const RunName name = split_run_name(file.header.model);
    result.model = name.model;
    result.method = name.method;
  }
  Run& run = result.run;
  run.name = file.path.string();
  run.seed = file.header.seed;
  for (const AnswerRecord& answer : file.answers) {
    run.ids.push_back(answer.problem_id);
    run.grades.push_back(answer.grade);
    run.tokens.push_back(answer.output_tokens);
    run.steps.push_back(count_steps(answer.text));
    run.thoughts.push_back(!thought_is_unfinished(answer.full_prompt, answer.text) ? Thought::kEnded
                           : answer.grade == 1                                     ? Thought::kUnfinishedRight
                                                                                   : Thought::kUnfinished);
    run.looping.push_back(ends_in_loop(answer.text));
    run.truncated.push_back(answer.finish_reason.empty() ? std::nullopt
                                                         : std::optional(answer.finish_reason == "length"));
  }
  grade_again(file, what, result);
  return result;
}

std::vector<fs::path> study_result_files(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string(), "no such folder", "a folder of results");
  std::vector<fs::path> paths;
  std::error_code fault;
  fs::path at = folder;
  const bool of_study = is_study_folder(folder);
  for (fs::recursive_directory_iterator entry(folder, fault), end; entry != end && !fault; entry.increment(fault)) {
    at = entry->path();
    if (of_study && entry->is_directory() && is_study_folder(at)) entry.disable_recursion_pending();
    if (!is_result_path(at) || entry->is_directory()) continue;
    if (!entry->is_regular_file()) throw Error(at.string(), "no regular file, or a link to none", "a result file");
    paths.push_back(at);
  }
  if (fault) throw Error(at.string(), fault.message(), "a folder of results that can be read");
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) throw Error(folder.string(), "no result file", "folders NAME-seedN with TASK.jsonl");
  return paths;
}

std::vector<StudyRun> collect_runs(const fs::path& folder, Collected what, ThreadPool* pool) {
  const std::vector<fs::path> files = study_result_files(folder);
  std::vector<StudyRun> runs(files.size());
  run_on(pool, static_cast<std::int64_t>(files.size()), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    runs[i] = to_study_run(read_result_file(files[i]), what);
  });
  return runs;
}

}  // namespace qreason
