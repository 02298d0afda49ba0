// `qreason study` on a tiny random model: killed with SIGKILL and started again, it makes the tables and the answers of
// a study that was left alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/output_files.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class StudyKill : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::write_tiny_chat_model(path("tiny"));
    std::ofstream(path("study.toml")) << "name = \"tiny\"\n"
                                         "tasks = [\"steps-easy\", \"steps-hard\"]\n"
                                         "seeds = [42, 43]\nlimit = 4\nmax_tokens = 40\nbatch = 4\n"
                                         "methods = [\"bf16\", \"gptq-w3g32\", \"rtn-w4a4kv4\"]\n"
                                         "[calibration]\nsamples = 4\nlength = 64\n"
                                         "[[model]]\nmodel = \""
                                      << path("tiny").string() << "\"\n";
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> command(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{testing::qreason_binary(), "study",  path("study.toml").string(), "-o",
                                   path(output).string(),     "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  void edit_study(const std::string& from, const std::string& to) const {
    std::string study = read_text_file(path("study.toml"));
    study.replace(study.find(from), from.size(), to);
    std::ofstream(path("study.toml")) << study;
  }

  std::map<std::string, std::string> comparable(const std::string& output) const {
    return testing::comparable_files(path(output));
  }

  // Lines of all journals and finished files so far.
  std::size_t answers(const std::string& output) const {
    std::error_code failure;
    std::size_t lines = 0;
    for (fs::recursive_directory_iterator at(path(output) / "results", failure), end; !failure && at != end;
         at.increment(failure))
      lines += testing::lines_of(at->path());
    return lines;
  }

  testing::ScratchFolder folder_;
};

TEST_F(StudyKill, ResumesToTheSameTablesAndAnswers) {
  ASSERT_EQ(testing::run_to_end(command("whole")), 0);
  const auto whole = comparable("whole");
  // Three tables, settings and checkpoints of two quantized models, twelve result files.
  EXPECT_TRUE(whole.contains("table.md") && whole.contains("table.csv") && whole.contains("table.json"));
  for (const std::size_t lines : {3, 25, 45}) {
    SCOPED_TRACE(lines);
    const std::string output = "killed-" + std::to_string(lines);
    ASSERT_TRUE(testing::run_and_kill(command(output), [&] { return answers(output) >= lines; }));
    EXPECT_FALSE(fs::exists(path(output) / "table.md"));
    ASSERT_EQ(testing::run_to_end(command(output)), 0);
    const auto files = comparable(output);
    for (const auto& [name, bytes] : files) EXPECT_TRUE(whole.contains(name)) << name;
    ASSERT_EQ(files.size(), whole.size());
    for (const auto& [name, bytes] : whole) EXPECT_TRUE(files.at(name) == bytes) << name;
  }
}

// A kill between the last answer's file and the end of its journal.
TEST_F(StudyKill, LeavesNoJournalBesideAFinishedFile) {
  ASSERT_EQ(testing::run_to_end(command("whole")), 0);
  const auto whole = comparable("whole");
  const auto result = std::find_if(whole.begin(), whole.end(),
                                   [](const auto& file) { return file.first.ends_with("steps-hard.jsonl"); });
  ASSERT_NE(result, whole.end());
  const fs::path file = fs::path(path("whole")) / result->first;
  fs::copy_file(file, file.string() + ".partial");
  ASSERT_EQ(testing::run_to_end(command("whole")), 0);
  EXPECT_TRUE(comparable("whole") == whole);
}

TEST_F(StudyKill, TellsTheSameWithAnyBatchAndThreads) {
  ASSERT_EQ(testing::run_to_end(command("two", {"--threads", "2"})), 0);
  edit_study("batch = 4", "batch = 64");
  ASSERT_EQ(testing::run_to_end(command("one", {"--threads", "1"})), 0);
  EXPECT_TRUE(comparable("one") == comparable("two"));
}

TEST_F(StudyKill, MakesTheSameInPartsAndSideBySide) {
  ASSERT_EQ(testing::run_to_end(command("whole", {"--jobs", "1"})), 0);
  const auto whole = comparable("whole");
  ASSERT_EQ(testing::run_to_end(command("beside", {"--jobs", "3", "--threads", "2"})), 0);
  EXPECT_TRUE(comparable("beside") == whole);
  std::vector<std::string> merge = {"--merge"};
  for (const std::string k : {"1", "2", "3"}) {
    ASSERT_EQ(testing::run_to_end(command("shard" + k, {"--shards", k + "/3"})), 0);
    merge.push_back(path("shard" + k).string());
  }
  ASSERT_EQ(testing::run_to_end(command("merged", merge)), 0);
  EXPECT_TRUE(comparable("merged") == whole);
  merge.pop_back();
  EXPECT_EQ(testing::run_to_end(command("part", merge)), 1);
}

TEST_F(StudyKill, PrintsAScriptForSlurmAndRunsNothing) {
  const auto script = testing::run_command("'" + testing::qreason_binary() + "' study '" + path("study.toml").string() +
                                           "' -o '" + path("out").string() + "' --slurm --shards 2");
  EXPECT_EQ(script.exit_code, 0) << script.standard_error;
  EXPECT_THAT(script.standard_output, HasSubstr("\n#SBATCH --array=1-2\n"));
  EXPECT_THAT(script.standard_output, HasSubstr(" --shards \"$SLURM_ARRAY_TASK_ID/2\" "));
  EXPECT_FALSE(fs::exists(path("out")));
}

// One comparison says what is finished: everything that decides answers counts, not only what the study file names.
TEST_F(StudyKill, SeesThatTheModelOrItsTypeChangedSinceItsResults) {
  edit_study("max_tokens = 40", "max_tokens = 1");
  edit_study(", \"gptq-w3g32\", \"rtn-w4a4kv4\"", "");
  ASSERT_EQ(testing::run_to_end(command("out")), 0);
  const std::string line = "'" + testing::qreason_binary() + "' study '" + path("study.toml").string() + "' -o '" +
                           path("out").string() + "'";
  edit_study("limit = 4", "limit = 4\ndtype = \"bfloat16\"");
  const auto other_type = testing::run_command(line);
  EXPECT_EQ(other_type.exit_code, 1);
  EXPECT_THAT(other_type.standard_error, HasSubstr("provenance.model.dtype"));
  edit_study("dtype = \"bfloat16\"\n", "");
  ASSERT_EQ(testing::run_command(line).exit_code, 0);
  {
    std::fstream weights(path("tiny") / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    weights.seekp(-4, std::ios::end);
    weights.write("\0\0\0\0", 4);
    ASSERT_TRUE(weights.good());
  }
  const auto other_weights = testing::run_command(line);
  EXPECT_EQ(other_weights.exit_code, 1);
  EXPECT_THAT(other_weights.standard_error, HasSubstr("provenance.model.sha256"));
  fs::remove_all(path("tiny"));  // a finished study needs no model
  EXPECT_EQ(testing::run_command(line).exit_code, 0);
}

TEST_F(StudyKill, PrintsTablesAndTakesEveryProblemWhenAskedTo) {
  edit_study("max_tokens = 40", "max_tokens = 1");
  edit_study("42, 43", "42");
  edit_study(", \"gptq-w3g32\", \"rtn-w4a4kv4\"", "");
  const std::string line =
      "'" + testing::qreason_binary() + "' study '" + path("study.toml").string() + "' --quiet -o '";
  const auto part = testing::run_command(line + path("part").string() + "'");
  ASSERT_EQ(part.exit_code, 0) << part.standard_error;
  EXPECT_THAT(part.standard_output, HasSubstr("**steps-hard**, 4 problems"));
  const auto less = testing::run_command(line + path("less").string() + "' --limit 2 --wide");
  EXPECT_THAT(less.standard_output, HasSubstr("**steps-hard**, 2 problems"));
  EXPECT_THAT(less.standard_output, HasSubstr(" McNemar p |"));
  const auto full = testing::run_command(line + path("full").string() + "' --full --json");
  ASSERT_EQ(full.exit_code, 0) << full.standard_error;
  const Json json = parse_json(full.standard_output, "stdout");
  for (const Json& row : json["table"]["rows"])
    for (const char* task : {"steps-easy", "steps-hard"}) EXPECT_EQ(row["tasks"][task]["n_problems"], 500);
}

}  // namespace
}  // namespace qreason
