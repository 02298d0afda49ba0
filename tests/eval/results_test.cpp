// Result files. The study's files in ../shared are real ones; its grades are read, not recomputed.
#include "eval/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

ResultHeader a_header() {
  return {.task = "GSM8K",
          .model = "m",
          .method = "bf16",
          .seed = 42,
          .dataset = {{"name", "GSM8K"}},
          .provenance = {{"tool", "1"}}};
}

TEST(ResultFile, ReadsBackWhatItWrote) {
  testing::ScratchFolder scratch;
  const auto path = result_path(scratch.path(), "m", 42, "GSM8K");
  EXPECT_EQ(path, scratch.path() / "m-seed42" / "GSM8K.jsonl");
  std::filesystem::create_directories(path.parent_path());
  AnswerRecord answer{.problem_id = "7",
                      .seed = 42,
                      .prompt_tokens = 5,
                      .output_tokens = 6,
                      .finish_reason = "stop",
                      .full_prompt = "p\n\"q\"",
                      .text = "t\xe2\x9c\x93\n\nu",
                      .extracted = "1",
                      .gold = "1",
                      .grade = 1,
                      .seconds = 0.5};
  write_result_file(path, a_header(), {answer});
  const ResultFile file = read_result_file(path);
  EXPECT_EQ(to_json(file.header), to_json(a_header()));
  ASSERT_EQ(file.answers.size(), 1U);
  EXPECT_EQ(to_line(file.answers[0]), to_line(answer));
}

TEST(ResultFile, ReadsTheStudysFilesAndWritesTheirForm) {
  QREASON_REQUIRE_SHARED(path, "data/traces_r1_distill_qwen_1.5b/kvquant_star-kv3_MATH-500.json");
  const ResultFile file = read_result_file(path);
  EXPECT_EQ(file.format, ResultFormat::kStudy);
  ASSERT_EQ(file.answers.size(), 100U);  // SOURCE.txt: rows
  int right = 0;
  for (const auto& answer : file.answers) right += answer.grade;
  EXPECT_EQ(right, 61);  // sum of metrics.extractive_match, counted with CPython
  const Json array = parse_json(to_study_json(file), "export");
  const Json original = parse_json(read_text_file(path), "original");
  for (std::size_t i = 0; i < array.size(); ++i) {
    EXPECT_EQ(array[i]["generated_text"], original[i]["generated_text"]);
    EXPECT_EQ(array[i]["gold"], original[i]["gold"]);
    EXPECT_EQ(array[i]["metrics"], original[i]["metrics"]);
  }
}

TEST(ResultFile, TakesModelAndSeedOfAStudyFileFromItsFolder) {
  testing::ScratchFolder scratch;
  const auto path = result_path(scratch.path(), "R1-1.5B-gptq-w4g128-tp1", 43, "AIME-90");
  std::filesystem::create_directories(path.parent_path());
  write_file_atomic(path,
                    R"([{"full_prompt": "a", "generated_text": "x", "gold": ["1"], "metrics": {"extractive_match": 1}},
                             {"full_prompt": "a", "generated_text": ["y"], "gold": "1", "metrics": {"codegen_pass@1:1": 0.0}}])");
  const ResultFile file = read_result_file(path);
  EXPECT_EQ(file.header.task, "AIME-90");
  EXPECT_EQ(file.header.seed, 43U);
  EXPECT_EQ(file.header.model, "R1-1.5B-gptq-w4g128-tp1");
  EXPECT_NE(file.answers[0].problem_id, file.answers[1].problem_id);
  EXPECT_EQ(file.answers[1].text, "y");
}

TEST(ResultFile, RefusesWhatIsNeitherFormNamingFileAndLine) {
  testing::ScratchFolder scratch;
  const auto path = scratch.path() / "x.jsonl";
  const auto reading = [&](const std::string& content) {
    return [&, content] {
      write_file_atomic(path, content);
      read_result_file(path);
    };
  };
  const std::string header = to_json(a_header()).dump() + "\n";
  EXPECT_THAT(reading(""), ThrowsMessage<Error>(HasSubstr("x.jsonl")));
  EXPECT_THAT(reading("{\"a\": 1}\n"), ThrowsMessage<Error>(HasSubstr("no result header")));
  EXPECT_THAT(reading("[1, 2]"), ThrowsMessage<Error>(HasSubstr("answer 0")));
  EXPECT_THAT(reading("[{\"full_prompt\": \"\", \"generated_text\": \"\", \"gold\": [], \"metrics\": "
                      "{\"extractive_match\": 0.5}}]"),
              ThrowsMessage<Error>(HasSubstr("0 or 1")));
  EXPECT_THAT(reading(header + "{\"id\": \"1\"}\n"), ThrowsMessage<Error>(HasSubstr("line 2")));
  EXPECT_THAT(reading("{\"qreason_results\": 9}\n"), ThrowsMessage<Error>(HasSubstr("schema 9")));
}

}  // namespace
}  // namespace qreason
