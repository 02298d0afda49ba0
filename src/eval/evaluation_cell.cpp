#include "eval/evaluation_cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "eval/answer_check.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

std::uint64_t shuffle_seed(const EvaluationCell& cell) {
  return cell.shuffle_seed.value_or(cell.seed);
}

// How every journal of the form begins, whatever its run.
std::string beginning_of(const AnswerForm& form) {
  const std::string line = header_line(form, {});
  return line.substr(0, line.find(':'));
}

// Whether the header found in `path` is of the run; of another one an Error, or false where that is to be replaced.
bool accept(const ResultHeader& found, const ResultHeader& wanted, const fs::path& path, IfExists if_different) {
  if (if_different == IfExists::kError) require_same_run({path, found}, wanted);
  return !header_difference(found, wanted);
}

// The header of a finished file.
ResultHeader finished_header(const EvaluationCell& cell) {
  if (!fs::is_regular_file(cell.file)) throw Error(cell.file.string(), "not a regular file", "a result file");
  return read_header(cell.file, *cell.form);
}

std::vector<std::string> partial_lines(const EvaluationCell& cell) {
  return read_journal_lines(partial_path(cell.file), beginning_of(*cell.form));
}

// The header of the journal; nullopt without one, or where it has none yet.
std::optional<ResultHeader> partial_header(const EvaluationCell& cell) {
  const fs::path partial = partial_path(cell.file);
  if (!fs::exists(partial)) return std::nullopt;
  const std::vector<std::string> lines = partial_lines(cell);
  if (lines.empty()) return std::nullopt;
  const std::string where = fmt::format("{}, line 1", partial.string());
  return cell.form->parse_header(parse_json(lines.front(), where), where);
}

}  // namespace

fs::path partial_path(fs::path file) {
  file += ".partial";
  return file;
}

std::string dataset_hash(const Dataset& dataset) {
  OrderedJson all = OrderedJson::array();
  for (const Problem& problem : dataset.problems) {
    all.push_back({problem.id, problem.question, problem.gold});
    if (!problem.wrong_answers.empty()) all.back().push_back(problem.wrong_answers);
    if (!problem.also_asked.empty()) all.back().push_back(problem.also_asked);
  }
  return sha256_hex(all.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

ResultHeader cell_header(const EvaluationCell& cell, const EvaluationOptions& options, const OrderedJson& provenance,
                         const std::string& dataset_sha256) {
  OrderedJson dataset = {{"name", cell.dataset->name},
                         {"count", cell.dataset->problems.size()},
                         {"limit", options.limit ? OrderedJson(*options.limit) : OrderedJson(nullptr)},
                         {"sha256", dataset_sha256}};
  if (!cell.task->definition.is_null()) dataset["task"] = cell.task->definition;
  if (!cell.task->grading.is_null()) dataset["grading"] = cell.task->grading;
  if (cell.task->pose) dataset["shuffle_seed"] = shuffle_seed(cell);
  return {.task = cell.task->name,
          .model = options.model,
          .method = options.method,
          .seed = cell.seed,
          .dataset = std::move(dataset),
          .provenance = provenance};
}

std::vector<EarlierRun> earlier_runs(const EvaluationCell& cell) {
  std::vector<EarlierRun> runs;
  if (fs::exists(cell.file)) runs.push_back({cell.file, finished_header(cell)});
  if (const auto begun = partial_header(cell)) runs.push_back({partial_path(cell.file), *begun});
  return runs;
}

void require_same_run(const EarlierRun& found, const ResultHeader& wanted) {
  if (const auto difference = header_difference(found.header, wanted))
    throw Error(found.path.string(), "results of another run (" + *difference + ")",
                "the same settings, another -o, or --force");
}

EvaluationRun::EvaluationRun(const EvaluationCell& cell, ResultHeader header, IfExists if_different)
    : cell_(&cell),
      header_(std::move(header)),
      if_different_(if_different),
      summary_{.file = cell.file, .task = header_.task, .seed = cell.seed} {
  if (!take_finished() && fs::exists(partial_path(cell_->file))) take_lines(partial_lines(*cell_));
  forget_answers();
}

void EvaluationRun::open() {
  const fs::path path = partial_path(cell_->file);
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  const std::string beginning = beginning_of(*cell_->form);
  journal_ = std::make_unique<Journal>(path, Journal::Sync::kEverySecond, beginning);
  summary_ = {.file = cell_->file, .task = header_.task, .seed = cell_->seed};
  if (!take_lines(journal_->lines())) {
    fs::remove(path);
    journal_.reset();
    journal_ = std::make_unique<Journal>(path, Journal::Sync::kEverySecond, beginning);
  }
  if (journal_->lines().empty()) journal_->append(header_line(*cell_->form, header_));
  if (!cell_->task->pose) return;
  posed_ = cell_->dataset->problems;
  cell_->task->pose(posed_, shuffle_seed(*cell_));
}

const std::vector<Problem>& EvaluationRun::problems() const {
  return posed_.empty() ? cell_->dataset->problems : posed_;
}

std::vector<std::size_t> EvaluationRun::unanswered() const {
  std::vector<std::size_t> problems;
  for (std::size_t i = 0; i < cell_->dataset->problems.size(); ++i)
    if (!answers_.contains(i)) problems.push_back(i);
  return problems;
}

AnswerRecord EvaluationRun::record(std::size_t problem, GradedCompletion graded) {
  const Problem& asked = problems()[problem];
  Completion& completion = graded.completion;
  AnswerRecord answer{.problem_id = asked.id,
                      .seed = cell_->seed,
                      .sample = 0,
                      .prompt_tokens = completion.prompt_tokens,
                      .output_tokens = completion.output_tokens,
                      .finish_reason = std::move(completion.finish_reason),
                      .full_prompt = std::move(completion.full_prompt),
                      .text = std::move(completion.text),
                      .extracted = std::move(graded.grade.extracted),
                      .gold = asked.gold,
                      .grade = graded.grade.correct ? 1 : 0,
                      .seconds = completion.seconds,
                      .remark = std::move(completion.remark)};
  journal_->append(cell_->form->line(answer));
  ++summary_.generated_now;
  count(answer);
  return answers_.emplace(problem, std::move(answer)).first->second;
}

bool EvaluationRun::finish() {
  if (finished_ || answers_.size() != cell_->dataset->problems.size()) return finished_;
  std::vector<AnswerRecord> ordered;
  ordered.reserve(answers_.size());
  for (auto& [problem, answer] : answers_) ordered.push_back(std::move(answer));
  write_answers(cell_->file, *cell_->form, header_, ordered);
  journal_.reset();
  fs::remove(partial_path(cell_->file));
  forget_answers();
  return finished_ = true;
}

bool EvaluationRun::take_finished() {
  if (!fs::exists(cell_->file)) return false;
  if (!accept(finished_header(*cell_), header_, cell_->file, if_different_)) return false;
  for (AnswerRecord& answer : read_answers(cell_->file, *cell_->form).answers)
    take(std::move(answer), cell_->file.string());
  // Not one of another run, which may be to replace this.
  const auto begun = partial_header(*cell_);
  if (begun && !header_difference(*begun, header_)) fs::remove(partial_path(cell_->file));
  return finished_ = true;
}

// The header and answers of a journal; false for one of another run.
bool EvaluationRun::take_lines(const std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string where = fmt::format("{}, line {}", partial_path(cell_->file).string(), i + 1);
    const Json json = parse_json(lines[i], where);
    if (i == 0) {
      if (!accept(cell_->form->parse_header(json, where), header_, partial_path(cell_->file), if_different_))
        return false;
      continue;
    }
    AnswerRecord answer = cell_->form->parse_line(json, where);
    check_answer(answer, header_, where);
    take(std::move(answer), where);
  }
  return true;
}

void EvaluationRun::take(AnswerRecord answer, const std::string& where) {
  if (index_of_.empty()) {
    for (std::size_t i = 0; i < cell_->dataset->problems.size(); ++i) index_of_[cell_->dataset->problems[i].id] = i;
  }
  const auto found = index_of_.find(answer.problem_id);
  if (found == index_of_.end())
    throw Error(where, "an answer to problem " + answer.problem_id, "problems of this data set");
  count(answer);
  if (!answers_.emplace(found->second, answer).second)
    throw Error(where, "two answers to problem " + answer.problem_id, "one");
}

void EvaluationRun::count(const AnswerRecord& answer) {
  ++summary_.count;
  summary_.correct += answer.grade;
  summary_.truncated += answer.finish_reason == "length" ? 1 : 0;
  if (answer.output_tokens < 0) return;
  summary_.output_tokens += answer.output_tokens;
  ++summary_.counted;
}

void EvaluationRun::forget_answers() {
  answers_.clear();
  index_of_.clear();
  posed_.clear();
}

}  // namespace qreason
