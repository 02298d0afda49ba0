#include "eval/graders/code/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "eval/graders/code/harness.h"
#include "eval/graders/code/plain_value.h"
#include "eval/graders/code/text_compare.h"

namespace qreason {
namespace {

struct Judged {
  TestOutcome outcome = TestOutcome::kPassed;
  std::string detail;
};

// The line of the harness about an exception, which is text of the program's.
Judged failed(std::string_view line) {
  const bool memory = line.starts_with("MemoryError");
  return {memory ? TestOutcome::kMemoryLimit : TestOutcome::kRuntimeError, std::string(line.substr(0, 500))};
}

Judged judged_exit(const SandboxResult& result, const CodeTest& test, const PlainValue* expected) {
  const std::string_view report = result.report;
  if (report.starts_with('E')) return failed(report.substr(1));
  if (expected != nullptr) {
    if (!report.starts_with('R')) return {TestOutcome::kRuntimeError, "ended without a result"};
    return {equal_values(parse_reported_value(report.substr(1)), *expected) ? TestOutcome::kPassed
                                                                            : TestOutcome::kWrongAnswer};
  }
  if (result.code != 0) return {TestOutcome::kRuntimeError, fmt::format("exit status {}", result.code)};
  return {equal_outputs(result.output, test.output) ? TestOutcome::kPassed : TestOutcome::kWrongAnswer};
}

Judged judged(const SandboxResult& result, const CodeTest& test, const PlainValue* expected) {
  switch (result.end) {
    case RunEnd::kExited:
      return judged_exit(result, test, expected);
    case RunEnd::kSignalled:
      return {TestOutcome::kRuntimeError, fmt::format("signal {}", result.code)};
    case RunEnd::kTimeLimit:
      return {TestOutcome::kTimeLimit};
    case RunEnd::kMemoryLimit:
      return {TestOutcome::kMemoryLimit};
    case RunEnd::kOutputLimit:
      return {TestOutcome::kOutputLimit};
    case RunEnd::kProcessLimit:
      return {TestOutcome::kKilled, "too many processes"};
    case RunEnd::kLost:
      return {TestOutcome::kKilled, "the sandbox was killed"};
    case RunEnd::kCancelled:
      return {TestOutcome::kKilled, "cancelled"};
  }
  return {};
}

}  // namespace

std::string_view outcome_name(TestOutcome outcome) {
  switch (outcome) {
    case TestOutcome::kPassed:
      return "passed";
    case TestOutcome::kWrongAnswer:
      return "wrong_answer";
    case TestOutcome::kRuntimeError:
      return "runtime_error";
    case TestOutcome::kTimeLimit:
      return "time_limit";
    case TestOutcome::kMemoryLimit:
      return "memory_limit";
    case TestOutcome::kOutputLimit:
      return "output_limit";
    case TestOutcome::kKilled:
      return "killed";
  }
  return "";
}

// A sandbox for as long as it is needed.
class CodeJudge::Lease {
 public:
  explicit Lease(CodeJudge& judge) : judge_(judge) {
    std::unique_lock lock(judge.mutex_);
    judge.sandbox_free_.wait(lock, [&] { return !judge.free_.empty(); });
    sandbox_ = std::move(judge.free_.back());
    judge.free_.pop_back();
  }
  ~Lease() {
    {
      const std::lock_guard lock(judge_.mutex_);
      judge_.free_.push_back(std::move(sandbox_));
    }
    judge_.sandbox_free_.notify_one();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Sandbox& sandbox() { return *sandbox_; }

 private:
  CodeJudge& judge_;
  std::unique_ptr<Sandbox> sandbox_;
};

// The tests of one program, which threads take in order.
class JudgedProgram {
 public:
  JudgedProgram(CodeJudge& judge, std::string_view program, const CodeProblem& problem, const std::string& where)
      : judge_(judge), problem_(problem), first_failure_(problem.tests.size()), cancelled_(problem.tests.size()) {
    OrderedJson head{{"function", nullptr}, {"most", judge.report_bytes_ - 1}};
    if (problem.function) head["function"] = *problem.function;
    payload_ = head.dump() + "\n" + std::string(program);
    if (!problem.function) return;
    for (std::size_t i = 0; i < problem.tests.size(); ++i)
      expected_.push_back(parse_expected_value(problem.tests[i].output, fmt::format("{}, test {}", where, i)));
  }

  CodeVerdict verdict(int workers) {
    std::vector<std::thread> others;
    const auto count = std::min<std::size_t>(static_cast<std::size_t>(workers), problem_.tests.size());
    for (std::size_t i = 1; i < count; ++i) others.emplace_back([this] { work(); });
    work();
    for (std::thread& other : others) other.join();
    if (failure_) std::rethrow_exception(failure_);
    return {failed_.outcome, first_failure_, std::move(failed_.detail)};
  }

 private:
  void work() {
    try {
      for (std::size_t i = 0; (i = next_++) < first_failure_;) {
        const Judged judged = run(i);
        if (judged.outcome != TestOutcome::kPassed) note(i, judged);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      first_failure_ = 0;
    }
  }

  // A sandbox that was lost with a test, as when the machine runs out of memory, says nothing of the program: once
  // more.
  Judged run(std::size_t i) {
    const CodeTest& test = problem_.tests[i];
    CodeJudge::Lease lease(judge_);
    SandboxResult result;
    for (int attempt = 0; attempt < 2 && result.end == RunEnd::kLost; ++attempt)
      result = lease.sandbox().run({.payload = payload_, .stdin_bytes = test.input, .cancelled = &cancelled_[i]});
    return judged(result, test, problem_.function ? &expected_[i] : nullptr);
  }

  void note(std::size_t i, const Judged& judged) {
    const std::lock_guard lock(mutex_);
    if (i >= first_failure_) return;
    first_failure_ = i;
    failed_ = judged;
    for (std::size_t later = i + 1; later < cancelled_.size(); ++later) cancelled_[later] = true;
  }

  CodeJudge& judge_;
  const CodeProblem& problem_;
  std::string payload_;
  std::vector<PlainValue> expected_;  // of functions
  std::atomic<std::size_t> next_ = 0, first_failure_;
  std::vector<std::atomic<bool>> cancelled_;
  std::mutex mutex_;
  Judged failed_;
  std::exception_ptr failure_;
};

CodeJudge::CodeJudge(const SandboxLimits& limits, int workers, const SandboxPlace& place)
    : workers_(std::max(1, workers)), report_bytes_(limits.report_bytes) {
  for (int i = 0; i < workers_; ++i) free_.push_back(std::make_unique<Sandbox>(limits, code_harness(), place));
}

CodeVerdict CodeJudge::judge(std::string_view program, const CodeProblem& problem, const std::string& where) {
  return JudgedProgram(*this, program, problem, where).verdict(workers_);
}

}  // namespace qreason
