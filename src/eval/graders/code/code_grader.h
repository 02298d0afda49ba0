// Grades answers that are programs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "eval/graders/grade.h"
#include "sandbox/sandbox.h"

namespace qreason {

inline constexpr double kTestSeconds = 6;
bool is_test_time(double seconds);
inline constexpr const char* kTestTimes = "0.1 to 3600 seconds";

struct CodeGrading {
  std::optional<double> seconds = {};  // of processor time, for one test; nullopt: what the task says
  int workers = 0;                     // sandboxes at once; 0: as many as cores
  SandboxPlace place = {};
};

// A grader and its explainer that share their sandboxes. The problem is one of data/code_dataset.h; what is extracted
// is the program. Errors: a row that cannot be read, no sandbox.
struct CodeGraders {
  Grader grader;
  Explainer explainer;
};
CodeGraders code_graders(const CodeGrading& grading);

// What headers record of how programs are graded: {"test_seconds", "sandbox": "bubblewrap" or "none"}, and, where there
// are packages besides the standard library, their names and versions as "packages".
OrderedJson recorded_grading(double seconds, const SandboxPlace& place);

// Where programs can run here, so that it is known before hours of generation: a sandbox, where one can be started.
// Else an Error or, where that is allowed, nothing: `refusal` is what the Error would say. Error: packages that
// programs could not see there.
enum class UnsafeExecution : std::uint8_t { kRefused, kAllowed };
struct FoundIsolation {
  Isolation isolation = Isolation::kSandbox;
  std::string refusal;
};
FoundIsolation find_isolation(UnsafeExecution unsafe, const std::filesystem::path& packages);

}  // namespace qreason
