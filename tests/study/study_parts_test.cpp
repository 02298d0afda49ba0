// A study in parts: shards that are merged, cells side by side, an array of jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/staged_directory.h"
#include "study/file_worker.h"
#include "study/slurm_script.h"
#include "study/study_runner.h"
#include "study/study_shard.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::FileWorker;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAreArray;

constexpr const char* kStudy = R"(
name = "parts"
tasks = ["gsm8k"]
seeds = [42, 43]
methods = ["bf16", "rtn-w4g64", "rtn-w3g64"]
[measure]
text = "wikitext2"
[[model]]
model = "A"
[[model]]
model = "B"
name = "B-outliers"
methods = ["bf16", "rtn-w4g64"]
[model.outliers]
factor = 32
)";

TEST(StudyShard, IsKOfN) {
  EXPECT_EQ(parse_shard("2/3").index, 2);
  EXPECT_EQ(parse_shard("2/3").count, 3);
  EXPECT_TRUE(parse_shard("1/1").is_whole());
  for (const char* text :
       {"", "1", "0/3", "4/3", "1/0", "-1/3", "a/b", "1/3x", "1/ 3", "1/3/5", "1/99999999999999999999"})
    EXPECT_THAT([&] { parse_shard(text); }, ThrowsMessage<Error>(HasSubstr("--shards"))) << text;
}

class StudyParts : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return scratch_.path() / name; }

  std::vector<std::string> run(const std::string& folder, StudyOptions options = {}) {
    FileWorker worker;
    options.folder = path(folder);
    run_study(spec_, options, worker);
    return worker.steps;
  }
  std::vector<fs::path> run_shards() {
    std::vector<fs::path> folders;
    for (const int k : {1, 2, 3}) {
      run("shard" + std::to_string(k), {.folder = {}, .shard = {.index = k, .count = 3}});
      folders.push_back(path("shard" + std::to_string(k)));
    }
    return folders;
  }

  // Every file below a folder with its bytes; the worker's checkpoints have no list of their files.
  std::map<std::string, std::string> files(const std::string& folder) const {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(path(folder)))
      if (entry.is_regular_file() && entry.path().filename() != kFolderManifest)
        all[entry.path().lexically_relative(path(folder)).string()] = read_text_file(entry.path());
    return all;
  }

  StudySpec spec_ = parse_study(kStudy, "s.toml");
  testing::ScratchFolder scratch_;
};

TEST_F(StudyParts, AreEveryThirdCell) {
  EXPECT_THAT(
      run("shard2", {.folder = {}, .shard = {.index = 2, .count = 3}}),
      ElementsAre("quantize A-rtn-w4g64", "measure A-rtn-w4g64", "evaluate A-rtn-w4g64 42", "evaluate A-rtn-w4g64 43",
                  "outliers B-outliers", "quantize B-outliers-rtn-w4g64", "measure B-outliers-rtn-w4g64",
                  "evaluate B-outliers-rtn-w4g64 42", "evaluate B-outliers-rtn-w4g64 43"));
  EXPECT_FALSE(fs::exists(path("shard2") / "table.md"));
}

TEST_F(StudyParts, AreMergedToWhatOneRunMakes) {
  run("whole");
  const std::vector<fs::path> folders = run_shards();
  EXPECT_TRUE(run("merged", {.folder = {}, .merged = folders}).empty());
  EXPECT_EQ(files("merged"), files("whole"));
  EXPECT_TRUE(run("merged", {.folder = {}, .merged = folders}).empty());  // once more
  EXPECT_TRUE(run("merged").empty());                                     // nothing is left to do
  EXPECT_EQ(files("merged"), files("whole"));
}

TEST_F(StudyParts, ThatAreMissingAreNamed) {
  std::vector<fs::path> folders = run_shards();
  folders.pop_back();
  EXPECT_THAT(
      [&] { run("merged", {.folder = {}, .merged = folders}); },
      ThrowsMessage<Error>(HasSubstr("3 steps that no folder has finished, the first of them quantize A-rtn-w3g64")));
  EXPECT_FALSE(fs::exists(path("merged") / "table.md"));
  EXPECT_THAT([&] { run("merged", {.folder = {}, .merged = {path("nowhere")}}); },
              ThrowsMessage<Error>(HasSubstr("no such folder")));
}

TEST_F(StudyParts, OfOtherSettingsAreRefused) {
  const std::vector<fs::path> folders = run_shards();
  const auto expect_refused = [&](const fs::path& file, const std::string& difference) {
    EXPECT_THAT(
        [&] { run("merged", {.folder = {}, .merged = folders}); },
        ThrowsMessage<Error>(AllOf(HasSubstr("other settings"), HasSubstr(file.string()), HasSubstr(difference))));
    EXPECT_FALSE(fs::exists(path("merged") / "models") || fs::exists(path("merged") / "results"));
  };
  const StudySpec same = spec_;
  spec_.models[0].calibration.samples = 7;
  expect_refused(path("shard1") / "measures/A-bf16.json", "calibration.samples: null in ");
  expect_refused("s.toml", ", 7 in s.toml");
  spec_ = same;
  spec_.models[0].measure->windows = 9;
  expect_refused(path("shard1") / "measures/A-bf16.json", "windows: 4 in ");
  spec_ = same;
  spec_.models[1].outliers->factor = 16;
  expect_refused(path("shard1") / "models/B-outliers.json", "factor: 32.0 in ");
  spec_ = same;
  spec_.models[0].sampling.temperature = 0;
  expect_refused(path("shard1") / "results/A-bf16-seed42/GSM8K.jsonl", "temperature: 0.6 in ");
}

TEST_F(StudyParts, OfOtherSettingsAreToldBeforeAnyWork) {
  run("whole");
  spec_.models[0].sampling.temperature = 0;
  FileWorker worker;
  const auto again = [&] { run_study(spec_, {.folder = path("whole")}, worker); };
  EXPECT_THAT(again, ThrowsMessage<Error>(AllOf(HasSubstr("results of A-bf16: other settings (temperature: 0.6 in "),
                                                HasSubstr("s.toml"), HasSubstr("--force"))));
  EXPECT_TRUE(worker.steps.empty());
}

TEST_F(StudyParts, WithOtherBytesReplaceNothingUnlessForced) {
  const std::vector<fs::path> folders = run_shards();
  run("merged", {.folder = {}, .merged = folders});
  const fs::path measure = "measures/A-bf16.json";
  const std::string before = read_text_file(path("merged") / measure);
  std::string changed = before;
  changed.replace(changed.find("12.5"), 4, "13.5");
  write_file_atomic(path("shard1") / measure, changed);
  EXPECT_THAT([&] { run("merged", {.folder = {}, .merged = folders}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("A-bf16.json: other bytes than"), HasSubstr("from line "))));
  EXPECT_EQ(read_text_file(path("merged") / measure), before);
  run("merged", {.folder = {}, .if_different = IfExists::kReplace, .merged = folders});
  EXPECT_EQ(read_text_file(path("merged") / measure), changed);
  EXPECT_THAT(read_text_file(path("merged") / "table.md"), HasSubstr("13.500"));
}

TEST_F(StudyParts, AreMergedThroughSymbolicLinks) {
  const std::vector<fs::path> folders = run_shards();
  const fs::path file = path("shard1") / "measures/A-bf16.json", elsewhere = path("elsewhere.json");
  fs::rename(file, elsewhere);
  fs::create_symlink(elsewhere, file);
  run("merged", {.folder = {}, .merged = folders});
  EXPECT_FALSE(fs::is_symlink(path("merged") / "measures/A-bf16.json"));
  EXPECT_EQ(read_text_file(path("merged") / "measures/A-bf16.json"), read_text_file(elsewhere));
}

TEST_F(StudyParts, SideBySideMakeTheSameFiles) {
  const std::vector<std::string> whole = run("whole");
  FileWorker worker;
  run_study(spec_, {.folder = path("beside"), .jobs = 3}, worker);
  EXPECT_EQ(worker.made, 3);
  EXPECT_THAT(worker.steps, UnorderedElementsAreArray(whole));
  EXPECT_EQ(worker.steps.front(), "outliers B-outliers");  // what others are made from comes first
  EXPECT_EQ(files("beside"), files("whole"));
  // A cell's own steps in their order.
  const auto at = [&](const char* step) { return std::find(worker.steps.begin(), worker.steps.end(), step); };
  EXPECT_LT(at("quantize A-rtn-w3g64"), at("measure A-rtn-w3g64"));
  EXPECT_LT(at("measure A-rtn-w3g64"), at("evaluate A-rtn-w3g64 42"));
}

TEST_F(StudyParts, AskTheWorkerHowManyFit) {
  FileWorker worker;
  worker.cells_at_once = 100;
  run_study(spec_, {.folder = path("many")}, worker);
  EXPECT_EQ(worker.made, 5);  // no more than cells
  FileWorker one;
  one.cells_at_once = 100;
  run_study(spec_, {.folder = path("one"), .jobs = 1}, one);
  EXPECT_EQ(one.made, 0);
}

TEST_F(StudyParts, SideBySideStopAtAFailureAndGoOn) {
  run("whole");
  for (const int failing : {0, 4, 9, 14}) {
    SCOPED_TRACE(failing);
    const fs::path folder = path("beside" + std::to_string(failing));
    FileWorker first(failing);
    EXPECT_THROW(run_study(spec_, {.folder = folder, .jobs = 2}, first), Error);
    EXPECT_EQ(first.steps.size(), static_cast<std::size_t>(failing));
    run("beside" + std::to_string(failing), {.folder = {}, .jobs = 2});
    EXPECT_EQ(files("beside" + std::to_string(failing)), files("whole"));
  }
}

// The script as bash runs it, with a program in the place of qreason that writes down what it is asked.
TEST_F(StudyParts, AreRunByAnArrayOfJobsWhoseLastOneMerges) {
  const fs::path program = path("it's qreason"), folder = path("a study's folder");
  write_file_atomic(program,
                    "#!/bin/bash\n"
                    "printf '%s|' \"$@\" >> \"$CALLS\"; echo >> \"$CALLS\"\n"
                    "while [[ $# -gt 0 ]]; do [[ $1 == -o ]] && mkdir -p \"$2\"; shift; done\n");
  ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
  const std::string script = slurm_script({.name = "it's",
                                           .program = program.string(),
                                           .command = {"study", "/x/$HOME `id`.toml"},
                                           .folder = folder,
                                           .shards = 3});
  EXPECT_THAT(script, HasSubstr("\n#SBATCH --array=1-3\n"));
  EXPECT_THAT(script, HasSubstr("\n#SBATCH --job-name=qreason-it_s\n"));
  write_file_atomic(path("script"), script);
  ::setenv("CALLS", path("calls").c_str(), 1);
  const auto run_task = [&](const char* task) {
    ::setenv("SLURM_ARRAY_TASK_ID", task, 1);
    ASSERT_EQ(std::system(("bash '" + path("script").string() + "'").c_str()), 0);
  };
  for (const char* task : {"2", "1", "3"}) run_task(task);
  const std::string file = "study|/x/$HOME `id`.toml|", at = folder.string() + "-shards/";
  EXPECT_EQ(read_text_file(path("calls")),
            file + "--shards|2/3|-o|" + at + "2|--threads|1|--quiet|\n" +      //
                file + "--shards|1/3|-o|" + at + "1|--threads|1|--quiet|\n" +  //
                file + "--shards|3/3|-o|" + at + "3|--threads|1|--quiet|\n" +  //
                file + "-o|" + folder.string() + "|--merge|" + at + "1|" + at + "2|" + at + "3|\n");
}

TEST(SlurmScript, RefusesWhatWouldBeALineOfItsOwn) {
  EXPECT_THROW(slurm_script({.name = "s", .program = "/q", .command = {"study", "a\nid"}, .folder = "/f"}), Error);
}

}  // namespace
}  // namespace qreason
