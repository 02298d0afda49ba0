// Which files below a folder are its results.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "study/collect.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::ScratchFolder;

class ResultFiles : public ::testing::Test {
 protected:
  void put(const fs::path& file) {
    fs::create_directories((scratch_.path() / file).parent_path());
    write_file_atomic(scratch_.path() / file, "{}");
  }
  std::vector<std::string> found(const fs::path& folder) {
    std::vector<std::string> names;
    for (const fs::path& file : study_result_files(scratch_.path() / folder))
      names.push_back(file.lexically_relative(scratch_.path() / folder).generic_string());
    return names;
  }

  ScratchFolder scratch_;
};

// A study that is begun in the folder of another, as `-o outputs` beside the default `outputs/NAME` does.
TEST_F(ResultFiles, OfAStudyAreNotThoseOfStudiesBelowIt) {
  put("outer/results/a-bf16-seed42/steps.jsonl");
  put("outer/inner/results/a-bf16-seed42/steps.jsonl");
  put("outer/inner/table.json");
  EXPECT_THAT(found("outer"),
              ElementsAre("inner/results/a-bf16-seed42/steps.jsonl", "results/a-bf16-seed42/steps.jsonl"));
  put("outer/measures/a-bf16.json");
  put("outer/more/b-bf16-seed42/steps.jsonl");  // that somebody brought
  EXPECT_THAT(found("outer"), ElementsAre("more/b-bf16-seed42/steps.jsonl", "results/a-bf16-seed42/steps.jsonl"));
  EXPECT_THAT(found("outer/inner"), ElementsAre("results/a-bf16-seed42/steps.jsonl"));
  EXPECT_THROW(found("outer/inner/measures"), Error);
}

}  // namespace
}  // namespace qreason
