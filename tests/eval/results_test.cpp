// Result files. The study's files in ../shared are real ones; its grades are read, not recomputed.
#include "eval/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "eval/answer_form.h"
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
          .dataset = {{"count", 1}, {"name", "GSM8K"}},
          .provenance = {{"sampling", {{"max_tokens", 64}}}, {"tool", "1"}}};
}

AnswerRecord an_answer(const std::string& id) {
  return {.problem_id = id,
          .seed = 42,
          .prompt_tokens = 5,
          .output_tokens = 6,
          .finish_reason = "stop",
          .full_prompt = "p",
          .text = "t",
          .extracted = "1",
          .gold = "1",
          .grade = 1,
          .seconds = 0.5};
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

// A file that lost, gained or changed answers: every rule of eval/answer_check.h, by its own case.
TEST(ResultFile, RefusesAnswersThatDoNotFitItsHeader) {
  testing::ScratchFolder scratch;
  const auto path = scratch.path() / "x.jsonl";
  ResultHeader header = a_header();
  header.dataset["count"] = 3;
  const std::vector<AnswerRecord> whole = {an_answer("1"), an_answer("2"), an_answer("3")};
  const auto reading = [&](const auto& change) {
    return [&] {
      ResultHeader changed_header = header;
      std::vector<AnswerRecord> answers = whole;
      change(changed_header, answers);
      write_result_file(path, changed_header, answers);
      read_result_file(path);
    };
  };
  using Answers = std::vector<AnswerRecord>;
  EXPECT_NO_THROW(reading([](ResultHeader&, Answers&) {})());
  const auto refuses = [&](const std::string& message, const auto& change) {
    EXPECT_THAT(reading(change), ThrowsMessage<Error>(::testing::AllOf(HasSubstr("x.jsonl"), HasSubstr(message))));
  };
  refuses("2 answers", [](ResultHeader&, Answers& answers) { answers.pop_back(); });
  refuses("4 answers", [](ResultHeader&, Answers& answers) { answers.push_back(an_answer("4")); });
  refuses("two answers to problem 1", [](ResultHeader&, Answers& answers) { answers[2].problem_id = "1"; });
  refuses("an empty id", [](ResultHeader&, Answers& answers) { answers[2].problem_id = ""; });
  refuses("seed: 43", [](ResultHeader&, Answers& answers) { answers[1].seed = 43; });
  refuses("sample: 1", [](ResultHeader&, Answers& answers) { answers[1].sample = 1; });
  refuses("prompt_tokens: -1", [](ResultHeader&, Answers& answers) { answers[1].prompt_tokens = -1; });
  refuses("prompt_tokens: 1000000001",
          [](ResultHeader&, Answers& answers) { answers[1].prompt_tokens = 1'000'000'001; });
  refuses("output_tokens: -6", [](ResultHeader&, Answers& answers) { answers[1].output_tokens = -6; });
  refuses("at most 64", [](ResultHeader&, Answers& answers) { answers[1].output_tokens = 65; });
  refuses("finish_reason", [](ResultHeader&, Answers& answers) { answers[1].finish_reason = "tired"; });
  refuses("timing.seconds", [](ResultHeader&, Answers& answers) { answers[1].seconds = -1; });
  refuses("grade: 2", [](ResultHeader&, Answers& answers) { answers[1].grade = 2; });
  refuses("dataset.count", [](ResultHeader& changed, Answers&) { changed.dataset.erase("count"); });
  refuses("dataset.count", [](ResultHeader& changed, Answers&) { changed.dataset["count"] = -3; });
  refuses("dataset: array", [](ResultHeader& changed, Answers&) { changed.dataset = OrderedJson::array(); });
  refuses("provenance: string", [](ResultHeader& changed, Answers&) { changed.provenance = "none"; });
}

// NaN and numbers beyond a double are no JSON. A finished file was written as a whole: a line that is cut, or stands
// behind its answers, is none of it; the last newline alone is no loss.
TEST(ResultFile, RefusesNumbersThatAreNoneAndTornLines) {
  testing::ScratchFolder scratch;
  const auto path = scratch.path() / "x.jsonl";
  const auto reading = [&](const std::string& from, const std::string& to) {
    return [&, from, to] {
      write_result_file(path, a_header(), {an_answer("1")});
      std::string content = read_text_file(path);
      content.replace(content.find(from), from.size(), to);
      write_file_atomic(path, content);
      read_result_file(path);
    };
  };
  for (const char* number : {"NaN", "Infinity", "1e999", "\"6\"", "6.5", "null"})
    EXPECT_THAT(reading("\"output_tokens\":6", std::string("\"output_tokens\":") + number),
                ThrowsMessage<Error>(HasSubstr("x.jsonl")))
        << number;
  EXPECT_THAT(reading("0.5}}\n", "0.5}"), ThrowsMessage<Error>(HasSubstr("x.jsonl, line 2")));
  EXPECT_THAT(reading("0.5}}\n", "0.5}}\ngarbage\n"), ThrowsMessage<Error>(HasSubstr("x.jsonl, line 3")));
  EXPECT_THAT(reading("0.5}}\n", "0.5}}\n{\"id\":"), ThrowsMessage<Error>(HasSubstr("x.jsonl, line 3")));
  reading("0.5}}\n", "0.5}}")();
  EXPECT_EQ(read_result_file(path).answers.size(), 1U);
}

TEST(ResultFile, ReadsAHeaderWithoutItsAnswers) {
  testing::ScratchFolder scratch;
  const auto path = scratch.path() / "x.jsonl";
  write_file_atomic(path, header_line(result_form(), a_header()) + "\nnothing that is an answer\n");
  EXPECT_FALSE(header_difference(read_header(path, result_form()), a_header()));
  write_file_atomic(path, header_line(result_form(), a_header()));
  EXPECT_THAT([&] { read_header(path, result_form()); }, ThrowsMessage<Error>(HasSubstr("no complete line")));
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
  std::string several = header;
  several.replace(several.find("\"samples\":1"), 11, "\"samples\":2");
  EXPECT_THAT(reading(several), ThrowsMessage<Error>(HasSubstr("x.jsonl, line 1: samples: 2, expected 1")));
}

TEST(ResultHeader, RunsOfAnotherClassOfArithmeticOrContextAreOthers) {
  ResultHeader run = a_header();
  run.provenance = {{"tool", {{"isa", "avx512"}}}, {"arithmetic", "portable"}, {"sampling", {{"context", 640}}}};
  ResultHeader other = run;
  other.provenance["tool"]["isa"] = "generic";
  EXPECT_EQ(header_difference(run, other), std::nullopt);
  other.provenance["sampling"]["context"] = 512;
  EXPECT_EQ(header_difference(other, run), "provenance.sampling.context: 512 in the file, 640 now");
  other = run;
  other.provenance["arithmetic"] = "fast";
  EXPECT_THAT(*header_difference(other, run), HasSubstr("provenance.arithmetic"));
}

TEST(ResultHeader, RunsBeforeTheClassWasRecordedHaveThatOfTheirInstructionSet) {
  ResultHeader now = a_header(), before = a_header();
  now.provenance = {{"tool", {{"isa", "avx2"}}}, {"arithmetic", "portable"}};
  before.provenance = {{"tool", {{"isa", "avx512"}}}};
  EXPECT_EQ(header_difference(before, now), std::nullopt);
  before.provenance = {{"tool", {{"isa", 3}}}};  // what anyone may have written
  EXPECT_THAT(*header_difference(before, now), HasSubstr("provenance.arithmetic: null"));
  before.provenance = {{"tool", {{"isa", "generic"}}}};  // did not fuse then
  EXPECT_THAT(*header_difference(before, now), HasSubstr("provenance.arithmetic: null"));
}

}  // namespace
}  // namespace qreason
