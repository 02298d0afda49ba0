// `qreason quantize` killed with SIGKILL at five points, or interrupted, and started again writes the bytes of a run
// that was left alone.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "support/fixtures.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

class QuantizeKill : public ::testing::Test {
 protected:
  void SetUp() override {
    const testing::TinyModel shape;
    testing::write_tiny_model(folder_.path() / "model", shape);
    testing::TensorFile tokens;
    tokens.add_tokens(12, 256, shape.vocabulary);
    tokens.write(folder_.path() / "tokens.safetensors");
  }

  std::vector<std::string> command(const std::string& output) const {
    return {testing::qreason_binary(),
            "quantize",
            (folder_.path() / "model").string(),
            "gptq-w3g32",
            "-o",
            (folder_.path() / output).string(),
            "--calibration",
            (folder_.path() / "tokens.safetensors").string(),
            "--quiet"};
  }

  int finish(const std::string& output) const { return testing::run_to_end(command(output)); }

  // The wait status of a run that was sent the signal when its journal had `lines` lines or more.
  int signal_at(const std::string& output, std::size_t lines, int signal) const {
    const fs::path journal = folder_.path() / (output + ".partial") / "progress.jsonl";
    return testing::run_and_signal(command(output), signal, [&] { return testing::lines_of(journal) >= lines; });
  }

  bool kill_at(const std::string& output, std::size_t lines) const {
    return WIFSIGNALED(signal_at(output, lines, SIGKILL));
  }

  std::map<std::string, std::string> files_of(const std::string& output) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_.path() / output)) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    files.erase("report.json");  // holds seconds
    return files;
  }

  testing::ScratchFolder folder_;
};

TEST_F(QuantizeKill, ResumesToTheSameBytesFromFivePoints) {
  ASSERT_EQ(finish("whole"), 0);
  const auto whole = files_of("whole");
  ASSERT_GT(whole.size(), 7u);
  // The journal's first line is the job's, every other one a finished block.
  for (const std::size_t lines : {1, 2, 3, 4, 6}) {
    const std::string output = "killed-" + std::to_string(lines);
    SCOPED_TRACE(output);
    ASSERT_TRUE(kill_at(output, lines));
    EXPECT_FALSE(fs::exists(folder_.path() / output));
    ASSERT_EQ(finish(output), 0);
    EXPECT_FALSE(fs::exists(folder_.path() / (output + ".partial")));
    const auto files = files_of(output);
    ASSERT_EQ(files.size(), whole.size());
    for (const auto& [name, bytes] : whole) EXPECT_TRUE(files.at(name) == bytes) << name;
  }
}

TEST_F(QuantizeKill, ResumesAfterSeveralKillsOfOneRun) {
  ASSERT_EQ(finish("whole"), 0);
  for (const std::size_t lines : {2, 4, 5}) ASSERT_TRUE(kill_at("again", lines));
  ASSERT_EQ(finish("again"), 0);
  EXPECT_TRUE(files_of("again") == files_of("whole"));
}

// cli.md: exit code 130 when interrupted, and the same command resumes.
TEST_F(QuantizeKill, AnInterruptExitsWith130AndResumes) {
  ASSERT_EQ(finish("whole"), 0);
  const int status = signal_at("interrupted", 2, SIGINT);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_FALSE(fs::exists(folder_.path() / "interrupted"));
  ASSERT_EQ(finish("interrupted"), 0);
  EXPECT_TRUE(files_of("interrupted") == files_of("whole"));
}

}  // namespace
}  // namespace qreason
