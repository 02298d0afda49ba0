// Judges programs by the tests of a problem, in sandboxes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "data/livecodebench.h"
#include "sandbox/sandbox.h"

namespace qreason {

enum class TestOutcome : std::uint8_t {
  kPassed,
  kWrongAnswer,
  kRuntimeError,
  kTimeLimit,
  kMemoryLimit,
  kOutputLimit,
  kKilled,
};
std::string_view outcome_name(TestOutcome outcome);  // "wrong_answer"

struct CodeVerdict {
  TestOutcome outcome = TestOutcome::kPassed;
  std::size_t test = 0;  // the first in order that did not pass; the number of tests when all did
  std::string detail;    // the exception's line, the signal; may be empty
};

// Any number of threads may judge; all together use as many sandboxes as there are workers. Expected outputs stay on
// this side: a program sees one input, and what it says is compared here (docs/grading.md has the rules).
class CodeJudge {
 public:
  CodeJudge(const SandboxLimits& limits, int workers, const SandboxPlace& place = {});

  // Tests run side by side; the first failure in their order decides, and what is behind it is not begun. Errors: an
  // expected result that is no JSON (names `where` and the test), no sandbox.
  CodeVerdict judge(std::string_view program, const CodeProblem& problem, const std::string& where);

 private:
  friend class JudgedProgram;
  class Lease;

  int workers_;
  std::mutex mutex_;
  std::condition_variable sandbox_free_;
  std::vector<std::unique_ptr<Sandbox>> free_;
  std::int64_t report_bytes_;
};

}  // namespace qreason
