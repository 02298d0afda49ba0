// The programs of ../shared/data/sandbox_cases, whose verdicts others have written down.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "eval/graders/code/judge.h"
#include "support/fixtures.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

std::vector<Json> cases_of(const fs::path& file) {
  std::vector<Json> cases;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) cases.push_back(Json::parse(line));
  return cases;
}

SandboxLimits limits_of(const Json& limits) {
  const auto megabytes = [&](const char* name) { return limits[name].get<std::int64_t>() << 20; };
  return {.wall_seconds = limits["wall_s"],
          .cpu_seconds = limits["cpu_s"],
          .memory_bytes = megabytes("memory_mb"),
          .processes = limits["processes"],
          .output_bytes = megabytes("output_mb"),
          .report_bytes = megabytes("output_mb"),
          .disk_bytes = megabytes("disk_mb")};
}

CodeProblem problem_of(const Json& test_case) {
  CodeProblem problem;
  if (test_case["entry"] == "functional") problem.function = test_case["func_name"];
  for (const Json& test : test_case["tests"]) problem.tests.push_back({test["input"], test["output"]});
  return problem;
}

// What a case wants to find on the host, for as long as it lives.
class HostSetup {
 public:
  explicit HostSetup(const Json& test_case) {
    if (!test_case.contains("setup")) return;
    const Json& setup = test_case["setup"];
    if (setup.contains("env"))
      for (const auto& [name, value] : setup["env"].items())
        ::setenv(name.c_str(), value.get<std::string>().c_str(), 1);
    if (setup.contains("make_dir")) {
      bait_ = setup["make_dir"].get<std::string>();
      fs::create_directories(bait_);
      std::ofstream(bait_ / setup["with_file"].get<std::string>()) << "keep";
    }
    if (setup.contains("listen_tcp")) listen_on(setup["listen_tcp"]);
    if (setup.contains("connect_tcp_during_run"))
      caller_ = std::thread([this, port = setup["connect_tcp_during_run"].get<int>()] { call(port); });
  }
  ~HostSetup() {
    done_ = true;
    if (caller_.joinable()) caller_.join();
    if (listener_ >= 0) ::close(listener_);
    if (!bait_.empty()) fs::remove_all(bait_);
    ::unsetenv("QRS_CANARY");
    ::unsetenv("HF_TOKEN");
  }
  HostSetup(const HostSetup&) = delete;
  HostSetup& operator=(const HostSetup&) = delete;

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  void listen_on(int port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 8);
  }
  void call(int port) const {
    const sockaddr_in address = loopback(port);
    while (!done_) {
      const int caller = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      ::connect(caller, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      ::close(caller);
      ::usleep(20000);
    }
  }

  fs::path bait_;
  int listener_ = -1;
  std::atomic<bool> done_ = false;
  std::thread caller_;
};

void check_host(const Json& test_case) {
  if (!test_case.contains("host_after")) return;
  const Json& after = test_case["host_after"];
  for (const char* list : {"absent", "present"}) {
    if (!after.contains(list)) continue;
    for (const std::string path : after[list]) {
      if (path.find('*') != std::string::npos || path.starts_with("CWD") || path.starts_with('~')) continue;
      EXPECT_EQ(fs::exists(path), std::string(list) == "present") << path;
    }
  }
}

class SandboxCases : public ::testing::TestWithParam<std::string> {};

TEST_P(SandboxCases, VerdictsOutcomesAndHost) {
  QREASON_REQUIRE_SHARED(file, "data/sandbox_cases/cases.jsonl");
  QREASON_REQUIRE_SANDBOX();
  std::size_t run = 0;
  for (const Json& test_case : cases_of(file)) {
    if (test_case["kind"] != GetParam()) continue;
    ++run;
    SCOPED_TRACE(test_case["id"].get<std::string>());
    const SandboxLimits limits = limits_of(test_case["limits"]);
    const CodeProblem problem = problem_of(test_case);
    const HostSetup setup(test_case);
    CodeJudge judge(limits, 2);
    const CodeVerdict verdict = judge.judge(test_case["program"].get<std::string>(), problem, "case");
    const bool passed = verdict.outcome == TestOutcome::kPassed;
    const std::string shown = std::string(outcome_name(verdict.outcome)) + " " + verdict.detail;
    if (test_case["verdict"] != "either") {
      EXPECT_EQ(passed, test_case["verdict"] == "pass") << shown;
    }
    if (!passed && test_case.contains("outcomes") && !test_case["outcomes"].empty()) {
      const Json& allowed = test_case["outcomes"];
      EXPECT_NE(std::find(allowed.begin(), allowed.end(), outcome_name(verdict.outcome)), allowed.end()) << shown;
    }
    if (std::getenv("QREASON_SHOW") != nullptr) std::cerr << test_case["id"] << " " << shown << "\n";
    check_host(test_case);
  }
  EXPECT_GT(run, 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SandboxCases,
                         ::testing::Values("correct", "wrong", "slow", "crash", "output-heavy", "format", "quirk",
                                           "resource", "signal", "escape", "network", "leak", "forge"),
                         [](const auto& kind) {
                           std::string name = kind.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace qreason
