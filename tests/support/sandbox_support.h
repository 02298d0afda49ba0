// Whether this machine lets tests run programs in a sandbox; tests that run some, in one or without.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "sandbox/sandbox.h"

namespace qreason::testing {

// What keeps a sandbox from starting; empty when nothing does.
inline const std::string& sandbox_refusal() {
  static const std::string refusal = [] {
    try {
      Sandbox({}, "import os\ndef run(payload, report):\n    os._exit(0)\n").run({});
      return std::string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  }();
  return refusal;
}

// Runs the payload as a program. What it prints is the output.
inline constexpr const char* kProgramPrelude = R"(
import os, sys, traceback
def run(payload, report):
    space = {'__name__': '__main__', 'report': report}
    try:
        exec(compile(payload, 'program', 'exec'), space)
        sys.stdout.flush()
    except BaseException:
        os.write(report, traceback.format_exc().encode())
        os._exit(1)
    os._exit(0)
)";

// Small limits, so that programs meet them soon.
constexpr SandboxLimits small_limits(double wall_seconds) {
  return {.wall_seconds = wall_seconds,
          .cpu_seconds = 3,
          .memory_bytes = 256 << 20,
          .processes = 16,
          .output_bytes = 1 << 20,
          .report_bytes = 1 << 20,
          .disk_bytes = 16 << 20};
}

class ProgramTest : public ::testing::Test {
 protected:
  explicit ProgramTest(const SandboxLimits& limits, const SandboxPlace& place = {})
      : sandbox_(limits, kProgramPrelude, place) {}

  SandboxResult run(const std::string& program, const std::string& input = "") {
    return sandbox_.run({.payload = program, .stdin_bytes = input});
  }
  std::string printed(const std::string& program, const std::string& input = "") {
    const SandboxResult result = run(program, input);
    EXPECT_EQ(result.end, RunEnd::kExited) << result.report;
    EXPECT_EQ(result.code, 0) << result.report;
    return result.output;
  }

  Sandbox sandbox_;
};

}  // namespace qreason::testing

#define QREASON_REQUIRE_SANDBOX() \
  if (const std::string& refusal = ::qreason::testing::sandbox_refusal(); !refusal.empty()) GTEST_SKIP() << refusal
