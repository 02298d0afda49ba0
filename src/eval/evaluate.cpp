#include "eval/evaluate.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "eval/answer_pace.h"
#include "eval/evaluation_cell.h"
#include "eval/grading_queue.h"
#include "eval/running_score.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// Journals held open at once. The next file is begun when one is finished, so that a thousand seeds need no thousand
// open files; as many as these keep any usual batch full.
constexpr std::size_t kMostOpen = 256;
// A grader keeps up with decoding many times over; one that does not (tests of programs) has threads of its own.
constexpr int kGradingThreads = 1;
constexpr double kEstimateInterval = 0.25;  // seconds between two estimates of the time left, which look at all answers

// A quarter of what the system lets this process open: models, logs and libraries need some too.
std::size_t open_at_once() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  return std::clamp<std::size_t>(static_cast<std::size_t>(limit.rlim_cur) / 4, 1, kMostOpen);
}

void require_distinct_files(const std::vector<EvaluationCell>& cells) {
  std::set<fs::path> files;
  for (const EvaluationCell& cell : cells)
    if (!files.insert(cell.file).second)
      throw Error::usage(cell.file.string(), "asked for twice", "each task and seed once");
}

class Evaluation {
 public:
  Evaluation(Generator& generator, const std::vector<EvaluationCell>& cells, const EvaluationOptions& options)
      : generator_(generator), options_(options), queue_(kGradingThreads) {
    const OrderedJson provenance = generator.provenance();
    std::map<const Dataset*, std::string> hashes;
    for (const EvaluationCell& cell : cells) {
      std::string& hash = hashes[cell.dataset];
      if (hash.empty()) hash = dataset_hash(*cell.dataset);
      runs_.push_back(
          std::make_unique<EvaluationRun>(cell, cell_header(cell, options, provenance, hash), options.if_different));
      total_ += static_cast<std::int64_t>(cell.dataset->problems.size());
      found_ += runs_.back()->answered();
    }
    progress_ =
        options.listener.begin({.what = fmt::format("{} {} {}", options.activity, options.model, options.method),
                                .unit = "answers",
                                .total = total_});
    progress_->resume_at(found_);
  }

  std::vector<CellSummary> run() {
    try {
      while (step()) check_interrupt();
    } catch (...) {
      // What was generated is not generated again.
      while (auto graded = queue_.wait()) record(*std::move(graded));
      throw;
    }
    if (recorded_ < asked_.size())
      throw Error(options_.model, fmt::format("{} of {} answers", recorded_, asked_.size()),
                  "an answer to every request");
    progress_->finish();
    std::vector<CellSummary> summaries;
    for (const auto& run : runs_) summaries.push_back(run->summary());
    return summaries;
  }

 private:
  struct Asked {
    EvaluationRun* run;
    std::size_t problem;
    bool answered = false;
  };

  // Files to begin, an answer, or grades; false when nothing of these is left.
  bool step() {
    const bool began = begin_files();
    if (auto completion = generator_.next()) {
      grade(*std::move(completion));
      while (auto graded = queue_.poll()) record(*std::move(graded));
      return true;
    }
    auto graded = queue_.wait();
    if (graded) record(*std::move(graded));
    return began || graded;
  }

  bool begin_files() {
    const std::size_t first = next_;
    for (; open_ < most_open_ && next_ < runs_.size(); ++next_) {
      EvaluationRun& run = *runs_[next_];
      if (run.finished()) continue;
      run.open();
      ++open_;
      for (const std::size_t problem : run.unanswered()) ask(run, problem);
      if (run.finish()) --open_;
    }
    return next_ > first;
  }

  void ask(EvaluationRun& run, std::size_t index) {
    const EvaluationCell& cell = run.cell();
    const Problem& problem = run.problems()[index];
    generator_.submit({.id = static_cast<std::int64_t>(asked_.size()),
                       .prompt = cell.task->prompt(problem),
                       .problem_id = problem.id,
                       .seed = cell.seed,
                       .sample = 0});
    asked_.push_back({&run, index});
  }

  void grade(Completion completion) {
    const auto id = static_cast<std::size_t>(completion.id);
    if (completion.id < 0 || id >= asked_.size() || asked_[id].answered)
      throw Error(options_.model, "an answer to no open request", "the ids submitted");
    if (completion.output_tokens == 0)
      pace_.skipped(id);
    else
      pace_.finished(id, completion.in_work, elapsed());
    Asked& asked = asked_[id];
    asked.answered = true;
    const EvaluationRun& run = *asked.run;
    queue_.submit({std::move(completion), run.cell().task->grader, &run.problems()[asked.problem]});
  }

  void record(GradedCompletion graded) {
    const Asked& asked = asked_[static_cast<std::size_t>(graded.completion.id)];
    const AnswerRecord answer = asked.run->record(asked.problem, std::move(graded));
    if (answer.finish_reason == "length" && answer.output_tokens == 0)
      options_.listener.note(
          fmt::format("{}, problem {}: a prompt of {} tokens leaves no room for an answer; counted as "
                      "truncated",
                      asked.run->cell().file.string(), answer.problem_id, answer.prompt_tokens));
    if (asked.run->finish()) --open_;
    score_.add(answer.grade == 1, answer.output_tokens);
    ++recorded_;
    if (const double now = elapsed(); now >= estimated_ + kEstimateInterval) {
      estimated_ = now;
      if (const auto left = pace_.seconds_left(total_ - found_, now)) work_ = {.done = now, .left = *left};
    }
    progress_->update(
        {.done = found_ + static_cast<std::int64_t>(recorded_), .note = score_.text(elapsed()), .work = work_});
  }

  double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  Generator& generator_;
  const EvaluationOptions& options_;
  std::vector<std::unique_ptr<EvaluationRun>> runs_;
  const std::size_t most_open_ = open_at_once();
  std::size_t next_ = 0;  // the first run that was not begun
  std::size_t open_ = 0;
  std::vector<Asked> asked_;
  std::size_t recorded_ = 0;
  std::int64_t total_ = 0, found_ = 0;
  RunningScore score_;
  std::unique_ptr<Progress> progress_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  AnswerPace pace_;
  double estimated_ = 0;  // when `work_` was
  std::optional<ProgressWork> work_;
  GradingQueue queue_;  // the last: its threads end before what they read goes
};

}  // namespace

std::vector<CellSummary> evaluate(Generator& generator, const std::vector<EvaluationCell>& cells,
                                  const EvaluationOptions& options) {
  require_distinct_files(cells);
  return Evaluation(generator, cells, options).run();
}

bool is_finished(const fs::path& file) {
  return fs::is_regular_file(file) && !fs::exists(partial_path(file));
}

}  // namespace qreason
