// The frame that every command runs in: exit codes, streams, messages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/fixtures.h"

namespace qreason::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

CommandResult qreason(const std::string& arguments) {
  return run_command(qreason_binary() + " " + arguments);
}

// The names that `qreason --help` lists.
std::vector<std::string> command_names() {
  std::istringstream help(qreason("--help").standard_output);
  std::vector<std::string> names;
  bool listing = false;
  for (std::string line; std::getline(help, line);) {
    if (line == "Commands:")
      listing = true;
    else if (listing && line.empty())
      break;
    else if (listing && line[2] != ' ')  // not the rest of a long purpose
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return names;
}

void expect_one_error_line(const CommandResult& result, int code) {
  EXPECT_EQ(result.exit_code, code);
  EXPECT_THAT(result.standard_output, IsEmpty());
  EXPECT_THAT(result.standard_error, StartsWith("error: "));
  EXPECT_EQ(std::count(result.standard_error.begin(), result.standard_error.end(), '\n'), 1) << result.standard_error;
}

TEST(Program, ListsItsCommandsAndItsVersion) {
  EXPECT_EQ(qreason("--help").exit_code, 0);
  EXPECT_THAT(command_names(), ::testing::Contains("models"));
  EXPECT_THAT(qreason("--version").standard_output, StartsWith("qreason "));
}

TEST(Program, ExplainsEveryCommandWithOptionsAndAnExample) {
  for (const std::string& name : command_names()) {
    const CommandResult result = qreason(name + " --help");
    EXPECT_EQ(result.exit_code, 0) << name;
    EXPECT_THAT(result.standard_error, IsEmpty()) << name;
    EXPECT_THAT(result.standard_output, HasSubstr("Usage: qreason " + name));
    EXPECT_THAT(result.standard_output, HasSubstr("Example:\n  qreason " + name));
    EXPECT_THAT(result.standard_output, HasSubstr("--device"));
  }
}

TEST(Program, CallsWrongUsageWrongUsage) {
  expect_one_error_line(qreason(""), 2);
  expect_one_error_line(qreason("modles"), 2);
  EXPECT_THAT(qreason("modles").standard_error, HasSubstr("models perhaps"));
  expect_one_error_line(qreason("--frobnicate"), 2);
  for (const std::string& name : command_names()) {
    expect_one_error_line(qreason(name + " --no-such-option"), 2);
    EXPECT_THAT(qreason(name + " --no-such-option").standard_error, HasSubstr("--no-such-option: no such option"));
  }
  expect_one_error_line(qreason("models --threads many"), 2);
  expect_one_error_line(qreason("models --device gpu"), 2);
}

TEST(Program, SaysThatADeviceIsNotThere) {
  const CommandResult result = qreason("models --device cuda:1");
  expect_one_error_line(result, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("--device: cuda:1"));
  // What runs a model takes any device, and says before it reads anything that one is not there.
  for (const char* command : {"generate x -p y", "evaluate x --tasks gsm8k", "study", "perplexity x", "compare x y",
                              "logits x --tokens y -o z", "calibrate x -o y.jsonl"}) {
    SCOPED_TRACE(command);
    const CommandResult refused = qreason(std::string(command) + " --device cuda:99");
    expect_one_error_line(refused, 1);
    EXPECT_THAT(refused.standard_error, HasSubstr("cuda:99, which this libtorch or this machine does not have"));
  }
}

TEST(Program, FailsWhenItsResultsCannotBeWritten) {
  EXPECT_EQ(qreason("models >/dev/full").exit_code, 1);
}

TEST(Program, IsQuietWhenItsReaderGoesAway) {
  // The reader ends at once; the writer starts after that.
  const CommandResult result = run_command("(sleep 0.3; " + qreason_binary() + " models; echo $? >&2) | true");
  EXPECT_EQ(result.standard_error, "1\n");
}

TEST(Models, ListsTheSevenStudiedModels) {
  const ScratchFolder store;
  const CommandResult result =
      run_command("QREASON_STORE=" + store.path().string() + " " + qreason_binary() + " models --json");
  ASSERT_EQ(result.exit_code, 0);
  const auto json = nlohmann::json::parse(result.standard_output);
  ASSERT_GE(json.at("models").size(), 7u);
  // Parameters of R1-Distill-Qwen-1.5B: counted from its configuration (model_configs.md).
  EXPECT_EQ(json.at("models").at(0).at("name"), "r1-distill-qwen-1.5b");
  EXPECT_EQ(json.at("models").at(0).at("parameters"), 1777088000);
  EXPECT_TRUE(json.at("stored").empty());
}

TEST(Models, NeedNeitherAHomeNorAStore) {
  const std::string nowhere = "env -u HOME -u QREASON_STORE " + qreason_binary();
  const CommandResult listed = run_command(nowhere + " models");
  EXPECT_EQ(listed.exit_code, 0) << listed.standard_error;
  EXPECT_THAT(listed.standard_output, HasSubstr("There is no store"));
  const CommandResult shipped = run_command(nowhere + " inspect steps-qwen2-1m");
  EXPECT_EQ(shipped.exit_code, 0) << shipped.standard_error;
  const CommandResult absent = run_command(nowhere + " inspect no-such-model");
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_THAT(absent.standard_error, HasSubstr("no such model in"));
}

TEST(Models, FindsWhatIsInTheStore) {
  const ScratchFolder store;
  const std::string folder = store.path().string();
  run_command("mkdir -p " + folder + "/mine " + folder + "/org/name; echo '{}' | tee " + folder + "/mine/config.json " +
              folder + "/org/name/config.json; printf GGUF > " + folder + "/tiny.gguf; mkdir " + folder + "/other");
  const CommandResult result = run_command("QREASON_STORE=" + folder + " " + qreason_binary() + " models --json");
  const auto stored = nlohmann::json::parse(result.standard_output).at("stored");
  ASSERT_EQ(stored.size(), 3u);
  EXPECT_EQ(stored[0].at("name"), "mine");
  EXPECT_EQ(stored[1].at("name"), "org/name");
  EXPECT_EQ(stored[2].at("name"), "tiny");
  EXPECT_EQ(stored[2].at("bytes"), 4);
}

}  // namespace
}  // namespace qreason::testing
