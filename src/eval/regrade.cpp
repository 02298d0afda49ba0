#include "eval/regrade.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/parallel.h"
#include "eval/graders/thinking.h"
#include "eval/user_task.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

Task require_task_of(const ResultFile& file) {
  if (auto task = task_of_results(file)) return *std::move(task);
  throw Error(file.path.string(), fmt::format("the task {}", file.header.task), "one that `qreason evaluate` knows");
}

// What the graders of a file's answers look at: the gold that is in the file, or problems of the data set.
class Problems {
 public:
  Problems(const Task& task, const ResultFile& file, const RegradeOptions& options) : file_(&file) {
    if (task.graded_by != GradedBy::kTests) return;
    const auto local = options.data.find(task.dataset);
    dataset_ = load_task_data(task, local == options.data.end() ? std::nullopt : std::optional(local->second));
    for (const Problem& problem : dataset_->problems) of_id_[problem.id] = &problem;
  }

  Problem of(const AnswerRecord& answer) const {
    if (!dataset_) return {.id = answer.problem_id, .question = {}, .gold = answer.gold, .fields = {}};
    const auto found = of_id_.find(answer.problem_id);
    if (found == of_id_.end())
      throw Error(file_->path.string(), fmt::format("an answer to problem {}", answer.problem_id),
                  fmt::format("problems of {}", dataset_->source.string()));
    if (!answer.gold.empty() && answer.gold != found->second->gold)
      throw Error(file_->path.string(), fmt::format("problem {} with other tests", answer.problem_id),
                  fmt::format("those in {}", dataset_->source.string()));
    return *found->second;
  }

 private:
  const ResultFile* file_;
  std::optional<Dataset> dataset_;
  std::map<std::string, const Problem*> of_id_;
};

// What comes before the last </think>; empty where there is none.
std::string_view thought_of(std::string_view text) {
  constexpr std::string_view kEnd = "</think>";
  const std::size_t answer = after_thinking(text).size();
  return answer == text.size() ? std::string_view{} : text.substr(0, text.size() - answer - kEnd.size());
}

}  // namespace

std::optional<Task> task_of_results(const ResultFile& file) {
  if (file.header.dataset.is_object() && file.header.dataset.contains("task"))
    return user_task_of(file.header.dataset["task"], file.path.string());
  if (const Task* task = find_task(file.header.task)) return *task;
  // A study file's name may say more than the task ("gptq-w4g128_AIME-90").
  if (file.format == ResultFormat::kStudy) {
    for (const Task& task : task_table())
      if (file.header.task.ends_with(task.name)) return task;
  }
  return std::nullopt;
}

bool right_in_thought(const Task& task, const AnswerRecord& answer) {
  const std::string_view thought = thought_of(answer.text);
  if (task.graded_by != GradedBy::kGold || thought.empty()) return false;
  return task.grader(thought, {.id = answer.problem_id, .question = {}, .gold = answer.gold, .fields = {}}).correct;
}

Regraded regrade(const fs::path& path, ThreadPool& pool, const RegradeOptions& options) {
  Regraded result{.file = read_result_file(path)};
  const Task task = with_code_grading(require_task_of(result.file), options.code);
  const Problems problems(task, result.file, options);
  result.file.header.task = task.name;
  if (!task.grading.is_null()) result.file.header.dataset["grading"] = task.grading;
  std::vector<AnswerRecord>& answers = result.file.answers;
  std::vector<Grade> grades(answers.size());
  std::vector<char> in_thought(answers.size(), 0);
  const bool by_gold = task.graded_by == GradedBy::kGold;
  pool.run(static_cast<std::int64_t>(answers.size()), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    const Problem problem = problems.of(answers[i]);
    grades[i] = task.grader(answers[i].text, problem);
    in_thought[i] = !grades[i].correct && right_in_thought(task, answers[i]) ? 1 : 0;
  });
  if (by_gold) result.right_in_thought = std::count(in_thought.begin(), in_thought.end(), 1);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const bool finished = !thought_is_unfinished(answers[i].full_prompt, answers[i].text);
    const bool counts = finished || options.unfinished == UnfinishedThoughts::kAsTheyStand;
    const int grade = grades[i].correct && counts ? 1 : 0;
    result.unfinished += finished ? 0 : 1;
    result.changed += grade != answers[i].grade ? 1 : 0;
    result.correct += grade;
    answers[i].grade = grade;
    answers[i].extracted = std::move(grades[i].extracted);
  }
  return result;
}

std::optional<std::string> explain_answer(const fs::path& path, std::string_view problem_id,
                                          const RegradeOptions& options) {
  const ResultFile file = read_result_file(path);
  const Task task = with_code_grading(require_task_of(file), options.code);
  for (const AnswerRecord& answer : file.answers) {
    if (answer.problem_id != problem_id) continue;
    std::string lines = task.explainer(answer.text, Problems(task, file, options).of(answer));
    if (thought_is_unfinished(answer.full_prompt, answer.text) && !lines.starts_with("thought:"))
      lines.insert(0, "thought: not finished; the whole text is searched\n");
    return lines;
  }
  return std::nullopt;
}

std::vector<fs::path> result_files(const fs::path& path) {
  if (!fs::exists(path)) throw Error(path.string(), "no such file or folder", "result files");
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) throw Error(path.string(), "no .jsonl file", "result files");
  return files;
}

}  // namespace qreason
