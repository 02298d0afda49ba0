#include "eval/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/journal.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// Identifies what was asked: ids, questions and golds in order.
std::string dataset_hash(const Dataset& dataset) {
  OrderedJson all = OrderedJson::array();
  for (const Problem& problem : dataset.problems) all.push_back({problem.id, problem.question, problem.gold});
  return sha256_hex(all.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

fs::path partial_path(fs::path file) {
  file += ".partial";
  return file;
}

// A cell being worked on: its journal and which problems have an answer.
class OpenCell {
 public:
  OpenCell(const EvaluationCell& cell, const EvaluationOptions& options, const OrderedJson& provenance)
      : cell_(cell), options_(options) {
    header_.task = cell.task->name;
    header_.model = options.model;
    header_.method = options.method;
    header_.seed = cell.seed;
    header_.dataset = {{"name", cell.dataset->name},
                       {"count", cell.dataset->problems.size()},
                       {"limit", options.limit ? OrderedJson(*options.limit) : OrderedJson(nullptr)},
                       {"sha256", dataset_hash(*cell.dataset)}};
    header_.provenance = provenance;
    for (std::size_t i = 0; i < cell.dataset->problems.size(); ++i) index_of_[cell.dataset->problems[i].id] = i;
    if (!take_finished()) open_journal();
  }

  bool finished() const { return finished_; }
  std::int64_t answered() const { return static_cast<std::int64_t>(answers_.size()); }
  bool has_answer(std::size_t problem) const { return answers_.contains(problem); }
  const EvaluationCell& cell() const { return cell_; }

  AnswerRecord record(std::size_t problem, Completion completion) {
    const Problem& asked = cell_.dataset->problems[problem];
    Grade grade = cell_.task->grader(completion.text, asked.gold);
    AnswerRecord record{.problem_id = asked.id,
                        .seed = cell_.seed,
                        .sample = 0,
                        .prompt_tokens = completion.prompt_tokens,
                        .output_tokens = completion.output_tokens,
                        .finish_reason = std::move(completion.finish_reason),
                        .full_prompt = std::move(completion.full_prompt),
                        .text = std::move(completion.text),
                        .extracted = std::move(grade.extracted),
                        .gold = asked.gold,
                        .grade = grade.correct ? 1 : 0,
                        .seconds = completion.seconds};
    journal_->append(cell_.form->line(record));
    ++generated_now_;
    answers_.emplace(problem, record);
    return record;
  }

  // In the order of the problems, and the journal goes.
  void finish() {
    if (finished_ || answers_.size() != cell_.dataset->problems.size()) return;
    std::vector<AnswerRecord> ordered;
    for (const auto& [problem, answer] : answers_) ordered.push_back(answer);
    write_answers(cell_.file, *cell_.form, header_, ordered);
    journal_.reset();
    fs::remove(partial_path(cell_.file));
    finished_ = true;
  }

  CellSummary summary() const {
    CellSummary summary{.file = cell_.file, .task = header_.task, .seed = cell_.seed, .generated_now = generated_now_};
    for (const auto& [problem, answer] : answers_) {
      ++summary.count;
      summary.correct += answer.grade;
      summary.truncated += answer.finish_reason == "length" ? 1 : 0;
      summary.output_tokens += answer.output_tokens;
    }
    return summary;
  }

 private:
  // A header of another run: an Error, or false after the file was removed.
  bool accept(const ResultHeader& found, const fs::path& path) const {
    const auto difference = header_difference(found, header_);
    if (!difference) return true;
    if (options_.if_different == EvaluationOptions::IfDifferent::kError)
      throw Error(path.string(), "results of another run (" + *difference + ")",
                  "the same settings, another -o, or --force");
    fs::remove(path);
    return false;
  }

  bool take_finished() {
    if (!fs::exists(cell_.file)) return false;
    const ResultFile file = read_answers(cell_.file, *cell_.form);
    if (!accept(file.header, cell_.file)) return false;
    for (const AnswerRecord& answer : file.answers) take(answer, cell_.file.string());
    if (answers_.size() != cell_.dataset->problems.size())
      throw Error(cell_.file.string(), fmt::format("{} answers", answers_.size()),
                  fmt::format("{} (delete the file to make it again)", cell_.dataset->problems.size()));
    fs::remove(partial_path(cell_.file));
    return finished_ = true;
  }

  void open_journal() {
    const fs::path path = partial_path(cell_.file);
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    journal_ = std::make_unique<Journal>(path, Journal::Sync::kEverySecond);
    if (!journal_->lines().empty()) {
      const std::string where = fmt::format("{}, line 1", path.string());
      if (!accept(cell_.form->parse_header(parse_json(journal_->lines()[0], where), where), path)) {
        journal_.reset();
        journal_ = std::make_unique<Journal>(path, Journal::Sync::kEverySecond);
      }
    }
    if (journal_->lines().empty()) {
      journal_->append(header_line(*cell_.form, header_));
      return;
    }
    for (std::size_t i = 1; i < journal_->lines().size(); ++i) {
      const std::string where = fmt::format("{}, line {}", path.string(), i + 1);
      take(cell_.form->parse_line(parse_json(journal_->lines()[i], where), where), where);
    }
  }

  void take(const AnswerRecord& answer, const std::string& where) {
    const auto found = index_of_.find(answer.problem_id);
    if (found == index_of_.end())
      throw Error(where, "an answer to problem " + answer.problem_id, "problems of this data set");
    if (!answers_.emplace(found->second, answer).second)
      throw Error(where, "two answers to problem " + answer.problem_id, "one");
  }

  const EvaluationCell& cell_;
  const EvaluationOptions& options_;
  ResultHeader header_;
  std::map<std::string, std::size_t> index_of_;
  std::map<std::size_t, AnswerRecord> answers_;
  std::unique_ptr<Journal> journal_;
  std::int64_t generated_now_ = 0;
  bool finished_ = false;
};

struct Asked {
  std::size_t cell;
  std::size_t problem;
};

std::vector<Asked> submit_open(Generator& generator, const std::vector<std::unique_ptr<OpenCell>>& open) {
  std::vector<Asked> asked;
  for (std::size_t c = 0; c < open.size(); ++c) {
    const EvaluationCell& cell = open[c]->cell();
    for (std::size_t p = 0; p < cell.dataset->problems.size(); ++p) {
      if (open[c]->has_answer(p)) continue;
      const Problem& problem = cell.dataset->problems[p];
      generator.submit({.id = static_cast<std::int64_t>(asked.size()),
                        .prompt = cell.task->prompt(problem),
                        .problem_id = problem.id,
                        .seed = cell.seed,
                        .sample = 0});
      asked.push_back({c, p});
    }
  }
  return asked;
}

void require_distinct_files(const std::vector<EvaluationCell>& cells) {
  std::set<fs::path> files;
  for (const EvaluationCell& cell : cells)
    if (!files.insert(cell.file).second)
      throw Error::usage(cell.file.string(), "asked for twice", "each task and seed once");
}

}  // namespace

std::vector<CellSummary> evaluate(Generator& generator, const std::vector<EvaluationCell>& cells,
                                  const EvaluationOptions& options) {
  require_distinct_files(cells);
  const OrderedJson provenance = generator.provenance();
  std::vector<std::unique_ptr<OpenCell>> open;
  std::int64_t total = 0;
  std::int64_t found = 0;
  for (const EvaluationCell& cell : cells) {
    open.push_back(std::make_unique<OpenCell>(cell, options, provenance));
    total += static_cast<std::int64_t>(cell.dataset->problems.size());
    found += open.back()->answered();
  }
  const std::vector<Asked> asked = submit_open(generator, open);
  const auto progress =
      options.listener.begin({.what = fmt::format("{} {} {}", options.activity, options.model, options.method),
                              .unit = "answers",
                              .total = total});
  progress->resume_at(found);
  std::int64_t right = 0;
  std::int64_t now = 0;
  std::vector<bool> done(asked.size(), false);
  while (now < static_cast<std::int64_t>(asked.size())) {
    check_interrupt();
    auto completion = generator.next();
    if (!completion)
      throw Error(options.model, fmt::format("{} of {} answers", now, asked.size()), "an answer to every request");
    const auto id = static_cast<std::size_t>(completion->id);
    if (completion->id < 0 || id >= asked.size() || done[id])
      throw Error(options.model, "an answer to no open request", "the ids submitted");
    done[id] = true;
    OpenCell& cell = *open[asked[id].cell];
    right += cell.record(asked[id].problem, *std::move(completion)).grade;
    cell.finish();
    ++now;
    progress->update({.done = found + now, .note = fmt::format("{}/{} right", right, now)});
  }
  progress->finish();
  std::vector<CellSummary> summaries;
  for (const auto& cell : open) {
    cell->finish();
    summaries.push_back(cell->summary());
  }
  return summaries;
}

bool is_finished(const fs::path& file) {
  return fs::exists(file) && !fs::exists(partial_path(file));
}

}  // namespace qreason
