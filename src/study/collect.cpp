#include "study/collect.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::array<std::string_view, 11> kMethodNames = {
    "rtn", "gptq", "awq", "kvquant_star", "kvquant", "quarot", "smoothquant", "flatquant", "mxfp4", "bf16", "fp16"};

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "DIR/<name>-seed<digits>/FILE.jsonl", finished files only.
bool is_result_path(const fs::path& path) {
  const std::string extension = path.extension().string();
  if (extension != ".jsonl" && extension != ".json") return false;
  const std::string folder = path.parent_path().filename().string();
  const std::size_t mark = folder.rfind("-seed");
  return mark != std::string::npos && is_digits(std::string_view(folder).substr(mark + 5));
}

}  // namespace

bool is_baseline(std::string_view method) {
  std::string lower(method);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "bf16" || lower == "fp16" || lower == "bfloat16" || lower == "float16" || lower == "float32";
}

RunName split_run_name(std::string_view name) {
  std::size_t begin = std::string_view::npos;
  for (const std::string_view method : kMethodNames) {
    for (std::size_t at = name.find(method, 1); at != std::string_view::npos; at = name.find(method, at + 1)) {
      const std::size_t end = at + method.size();
      if (name[at - 1] == '-' && (end == name.size() || name[end] == '-')) begin = std::min(begin, at);
    }
  }
  std::string_view method = begin == std::string_view::npos ? kBaselineMethod : name.substr(begin);
  std::string_view model = begin == std::string_view::npos ? name : name.substr(0, begin - 1);
  std::string_view& last = begin == std::string_view::npos ? model : method;
  if (last.ends_with("-tp1")) last.remove_suffix(4);
  return {std::string(model), std::string(method)};
}

std::int64_t count_steps(std::string_view text) {
  std::int64_t pieces = 1;
  for (std::size_t at = text.find("\n\n"); at != std::string_view::npos; at = text.find("\n\n", at + 2)) ++pieces;
  return pieces;
}

StudyRun to_study_run(const ResultFile& file) {
  StudyRun result{file.header.model, file.header.method, file.header.task, {}};
  if (file.format == ResultFormat::kStudy) {
    const RunName name = split_run_name(file.header.model);
    result.model = name.model;
    result.method = name.method;
  }
  result.run.name = file.path.string();
  result.run.seed = file.header.seed;
  for (const AnswerRecord& answer : file.answers) {
    result.run.ids.push_back(answer.problem_id);
    result.run.grades.push_back(answer.grade);
    result.run.tokens.push_back(answer.output_tokens);
    result.run.steps.push_back(count_steps(answer.text));
    result.run.truncated.push_back(answer.finish_reason.empty() ? std::nullopt
                                                                : std::optional(answer.finish_reason == "length"));
  }
  return result;
}

std::vector<StudyRun> collect_runs(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(folder.string(), "no such folder", "a folder of results");
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && is_result_path(entry.path())) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  if (paths.empty()) throw Error(folder.string(), "no result file", "folders NAME-seedN with TASK.jsonl");
  std::vector<StudyRun> runs;
  for (const fs::path& path : paths) runs.push_back(to_study_run(read_result_file(path)));
  return runs;
}

}  // namespace qreason
