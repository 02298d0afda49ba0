// `qreason quantize` killed with SIGKILL at any point, or interrupted, and started again writes the bytes of a run that
// was left alone.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

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
            method_,
            "-o",
            (folder_.path() / output).string(),
            "--calibration",
            (folder_.path() / "tokens.safetensors").string(),
            "--quiet"};
  }

  // Views, measurements, views, rounding: three phases with a line a block.
  void use_recipe_of_phases() {
    method_ = (folder_.path() / "phases.toml").string();
    std::ofstream(method_) << "name = \"phases\"\n[calibration]\nsamples = 12\nlength = 256\n";
    std::ofstream text(method_, std::ios::app);
    for (const char* kind : {"fold_norms", "insert_outliers", "measure_channels", "smooth_norms"}) {
      text << "[[pass]]\nkind = \"" << kind << "\"\n";
    }
    text << "[[pass]]\nkind = \"measure_keys\"\n[[pass]]\nkind = \"set_kv_format\"\nkeys = \"k4-channel-asym\"\n"
         << "[[pass]]\nkind = \"round_rtn\"\nformat = \"w4c-sym\"\nlinears = \"up\"\n"
         << "[[pass]]\nkind = \"round_gptq\"\nformat = \"w3g32-asym-mse\"\nlinears = \"q, k, v, o, gate, down\"\n"
         << "asymmetric_calibration = true\n";
  }

  void use_recipe_that_trains() {
    method_ = (folder_.path() / "trained.toml").string();
    std::ofstream(method_) << "name = \"trained\"\ntensor_parallel = 2\n[calibration]\nsamples = 12\nlength = 256\n"
                           << "[[pass]]\nkind = \"round_flatquant\"\nweights = \"w4c-sym\"\nepochs = 3\n"
                           << "activations = \"a4-token-asym\"\nkeys = \"k4-head-asym\"\nskip_blocks = \"1, 3, 4\"\n";
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

  void expect_same_files(const std::string& output, const std::map<std::string, std::string>& whole) const {
    const auto files = files_of(output);
    ASSERT_EQ(files.size(), whole.size());
    for (const auto& [name, bytes] : whole) EXPECT_TRUE(files.at(name) == bytes) << name;
  }

  testing::ScratchFolder folder_;
  std::string method_ = "gptq-w3g32";
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
    expect_same_files(output, whole);
  }
}

TEST_F(QuantizeKill, ResumesARecipeOfPhasesFromEveryBoundary) {
  use_recipe_of_phases();
  ASSERT_EQ(finish("whole"), 0);
  const auto whole = files_of("whole");
  for (std::size_t lines = 1; lines <= 18; ++lines) {
    const std::string output = "killed-" + std::to_string(lines);
    SCOPED_TRACE(output);
    kill_at(output, lines);
    // A fast machine may be done before it is killed.
    if (!fs::exists(folder_.path() / output)) {
      ASSERT_EQ(finish(output), 0);
    }
    expect_same_files(output, whole);
  }
}

TEST_F(QuantizeKill, ResumesARecipeOfPhasesFromAnyMoment) {
  use_recipe_of_phases();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(finish("whole"), 0);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const auto whole = files_of("whole");
  std::mt19937 random(5);
  for (int run = 0; run < 6; ++run) {
    const std::string output = "random-" + std::to_string(run);
    for (int kills = 0; kills < 3; ++kills) {
      const auto end = std::chrono::steady_clock::now() + taken * std::uniform_real_distribution<>(0.1, 1.0)(random);
      testing::run_and_kill(command(output), [&] { return std::chrono::steady_clock::now() >= end; });
      if (fs::exists(folder_.path() / output)) break;
    }
    if (!fs::exists(folder_.path() / output)) {
      ASSERT_EQ(finish(output), 0);
    }
    expect_same_files(output, whole);
  }
}

// Views that rotate are made again, and what runs online is read from the parts that are finished.
TEST_F(QuantizeKill, ResumesQuaRot) {
  method_ = "quarot-w4a4kv4-tp2";
  ASSERT_EQ(finish("whole"), 0);
  const auto whole = files_of("whole");
  for (const std::size_t lines : {1, 3, 5}) {
    const std::string output = "killed-" + std::to_string(lines);
    ASSERT_TRUE(kill_at(output, lines));
    ASSERT_EQ(finish(output), 0);
    expect_same_files(output, whole);
  }
}

// Inside a block: after its first epoch, after its second, and at any moment.
TEST_F(QuantizeKill, ResumesATrainingInsideABlock) {
  use_recipe_that_trains();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(finish("whole"), 0);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const auto whole = files_of("whole");
  EXPECT_FALSE(whole.contains("progress-block.bin"));
  const fs::path state = folder_.path() / "killed.partial" / "progress-block.bin";
  const auto written_after = [&](fs::file_time_type before) {
    std::error_code absent;
    const fs::file_time_type time = fs::last_write_time(state, absent);
    return !absent && time > before;
  };
  fs::file_time_type last = fs::file_time_type::min();
  for (int kills = 0; kills < 4; ++kills) {
    ASSERT_TRUE(testing::run_and_kill(command("killed"), [&] { return written_after(last); }));
    ASSERT_TRUE(fs::exists(state));
    last = fs::last_write_time(state);
  }
  ASSERT_EQ(finish("killed"), 0);
  expect_same_files("killed", whole);
  std::mt19937 random(7);
  for (int kills = 0; kills < 3 && !fs::exists(folder_.path() / "random"); ++kills) {
    const auto end = std::chrono::steady_clock::now() + taken * std::uniform_real_distribution<>(0.1, 0.9)(random);
    testing::run_and_kill(command("random"), [&] { return std::chrono::steady_clock::now() >= end; });
  }
  if (!fs::exists(folder_.path() / "random")) {
    ASSERT_EQ(finish("random"), 0);
  }
  expect_same_files("random", whole);
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
