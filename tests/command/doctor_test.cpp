// What `qreason doctor` tells of the machine, against the system's own files and what the settings force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/fixtures.h"

namespace qreason::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

using Json = nlohmann::json;

Json doctor(const std::string& environment, const std::string& options = "") {
  const CommandResult result = run_command(environment + " " + qreason_binary() + " doctor --json " + options);
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  return Json::parse(result.standard_output);
}

std::uint64_t meminfo_bytes(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stoull(line.substr(key.size() + 1)) * 1024;
  }
  return 0;
}

TEST(Doctor, TellsWhatTheSystemSays) {
  const Json found = doctor("QREASON_STORE=/tmp");
  EXPECT_THAT(found.at("instruction_sets"), Contains(found.at("instruction_set")));
  EXPECT_LE(found.at("available_memory_bytes").get<std::uint64_t>(), meminfo_bytes("MemTotal"));
  EXPECT_GT(found.at("available_memory_bytes").get<std::uint64_t>(), 0u);
  EXPECT_GE(found.at("read_bytes_per_second").get<double>(), 0.0);
  EXPECT_EQ(found.at("store"), "/tmp");
  EXPECT_GE(found.at("threads").get<int>(), 1);
}

TEST(Doctor, ObeysWhatIsForced) {
  const Json found = doctor("QREASON_ISA=generic", "--threads 1");
  EXPECT_EQ(found.at("instruction_set"), "generic");
  EXPECT_EQ(found.at("threads"), 1);
  // The bfloat16 dot products extend the best instruction set alone.
  EXPECT_TRUE(found.at("missing_for_fast").is_string());
}

// 7 615 616 512 parameters of R1-Distill-Qwen-7B: 15.2 GB in bfloat16.
TEST(Doctor, ComparesModelsWithTheFreeMemory) {
  const Json found = doctor("");
  const double memory = found.at("available_memory_bytes").get<double>();
  int seen = 0;
  for (const Json& model : found.at("models")) {
    for (const char* size : {"bf16", "w8g128", "w4g128"}) {
      const Json& one = model.at(size);
      EXPECT_EQ(one.at("fits").get<bool>(), one.at("bytes").get<double>() <= 0.85 * memory);
    }
    if (!model.at("name").get<std::string>().ends_with("qwen-7b")) continue;
    ++seen;
    EXPECT_EQ(model.at("bf16").at("bytes"), 2 * 7'615'616'512ull);
  }
  EXPECT_EQ(seen, 1);
}

TEST(Doctor, SaysWhatIsInTheWayOfTheSandbox) {
  const Json found = doctor("PATH=/nowhere");
  EXPECT_THAT(found.at("missing_for_sandbox").dump(), HasSubstr("the sandbox: "));
}

TEST(Doctor, SaysWhatIsInTheWayOfFigures) {
  const Json found = doctor("PATH=/nowhere");
  EXPECT_THAT(found.at("missing_for_figures").dump(), HasSubstr("gnuplot: no such program in PATH"));
}

TEST(Doctor, FitsATerminal) {
  const CommandResult result = run_command(qreason_binary() + " doctor");
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  std::istringstream text(result.standard_output);
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80u) << line;
  for (const char* name : {"processor", "memory", "devices", "sandbox", "figures"}) {
    EXPECT_THAT(result.standard_output, HasSubstr(std::string("\n") + name));
  }
}

}  // namespace
}  // namespace qreason::testing
