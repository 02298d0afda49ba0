// `qreason calibrate` as a user runs it: what it writes, in which order, and the same bytes after any kill.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CalibrateCommand : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_tiny_chat_model(path("tiny")); }

  fs::path path(const std::string& name) const { return folder_.path() / name; }

  std::vector<std::string> command(const std::string& output, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{testing::qreason_binary(), "calibrate", path("tiny").string(), "-o",
                                   path(output).string(),     "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  testing::CommandResult run(const std::string& output, const std::string& options) const {
    std::string line;
    for (const std::string& word : command(output)) line += "'" + word + "' ";
    return testing::run_command(line + options);
  }

  std::vector<Json> records(const std::string& output) const {
    std::ifstream in(path(output));
    std::vector<Json> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(parse_json(line, output));
    return lines;
  }

  testing::ScratchFolder folder_;
};

TEST_F(CalibrateCommand, AnswersTrainingProblemsOfTheThreeTiersInTurn) {
  const auto result = run("traces.jsonl", "--problems steps --count 5 --max-tokens 12 --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json summary = parse_json(result.standard_output, "stdout");
  EXPECT_EQ(summary["count"], 5);
  EXPECT_EQ(summary["generated_now"], 5);
  const std::vector<Json> lines = records("traces.jsonl");
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[0]["qreason_traces"], 1);
  EXPECT_EQ(lines[0]["run"]["provenance"]["sampling"]["max_tokens"], 12);
  const std::vector<std::string> ids{"steps-easy-0001", "steps-medium-0001", "steps-hard-0001", "steps-easy-0002",
                                     "steps-medium-0002"};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Json& record = lines[i + 1];
    EXPECT_EQ(record["id"], ids[i]);
    EXPECT_THAT(record["prompt"].get<std::string>(), StartsWith("<bos><user>"));
    EXPECT_THAT(record["prompt"].get<std::string>(),
                HasSubstr("\n\nPlease reason step by step, and put your final answer within \\boxed{}.<assistant>"));
    EXPECT_EQ(record["seed"], 42);
    EXPECT_LE(record["output_tokens"].get<int>(), 12);
    EXPECT_FALSE(record.contains("timing"));
  }
  // The problems are those of `qreason steps`, from the training split.
  const auto problems = testing::run_command("'" + testing::qreason_binary() +
                                             "' steps --tier easy --split training --count 2 --seed 42");
  EXPECT_THAT(
      lines[1]["prompt"].get<std::string>(),
      HasSubstr(parse_json(problems.standard_output.substr(0, problems.standard_output.find('\n')), "steps")["problem"]
                    .get<std::string>()));
}

TEST_F(CalibrateCommand, TakesTheProblemsOfAFileInItsOrderWithOrWithoutAnswers) {
  std::ofstream(path("problems.jsonl")) << "{\"id\": \"b\", \"problem\": \"One?\"}\n"
                                        << "{\"id\": \"a\", \"problem\": \"Two?\", \"answer\": \"2\"}\n"
                                        << "{\"id\": \"c\", \"problem\": \"Three?\"}\n";
  const std::string problems = "--problems '" + path("problems.jsonl").string() + "' --max-tokens 3";
  ASSERT_EQ(run("two.jsonl", problems + " --count 2").exit_code, 0);
  const std::vector<Json> lines = records("two.jsonl");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1]["id"], "b");
  EXPECT_TRUE(lines[1]["grade"].is_null());
  EXPECT_EQ(lines[2]["id"], "a");
  EXPECT_EQ(lines[2]["grade"], 0);
  ASSERT_EQ(run("all.jsonl", problems).exit_code, 0);  // 256 asked, 3 there
  EXPECT_EQ(records("all.jsonl").size(), 4u);
}

TEST_F(CalibrateCommand, ResumesToTheSameBytesFromFourPoints) {
  const std::vector<std::string> options{"--problems", "steps", "--count", "40", "--max-tokens", "60", "--batch", "8"};
  ASSERT_EQ(testing::run_to_end(command("whole.jsonl", options)), 0);
  const std::string whole = read_text_file(path("whole.jsonl"));
  for (const std::size_t lines : {1, 5, 17, 30}) {
    const std::string output = "killed-" + std::to_string(lines) + ".jsonl";
    SCOPED_TRACE(output);
    const fs::path journal = path(output + ".partial");
    ASSERT_TRUE(testing::run_and_kill(command(output, options), [&] { return testing::lines_of(journal) >= lines; }));
    EXPECT_FALSE(fs::exists(path(output)));
    ASSERT_EQ(testing::run_to_end(command(output, options)), 0);
    EXPECT_FALSE(fs::exists(journal));
    EXPECT_TRUE(read_text_file(path(output)) == whole);
  }
}

TEST_F(CalibrateCommand, KeepsWhatIsFinishedAndRefusesOtherSettings) {
  const std::string options = "--problems steps --count 3 --max-tokens 4";
  ASSERT_EQ(run("traces.jsonl", options).exit_code, 0);
  const auto again = run("traces.jsonl", options + " --json");
  ASSERT_EQ(again.exit_code, 0);
  EXPECT_EQ(parse_json(again.standard_output, "stdout")["generated_now"], 0);
  const auto other = run("traces.jsonl", options + " --temperature 0.9");
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.standard_error, HasSubstr("temperature"));
  EXPECT_EQ(run("traces.jsonl", options + " --temperature 0.9 --force").exit_code, 0);
  std::ofstream(path("mine.jsonl")) << "{\"text\": \"something of the user's\"}\n";
  const auto foreign = run("mine.jsonl", options);
  EXPECT_EQ(foreign.exit_code, 1);
  EXPECT_THAT(foreign.standard_error, HasSubstr("mine.jsonl, line 1"));
}

TEST_F(CalibrateCommand, SaysWhatIsWrong) {
  EXPECT_EQ(run("traces.txt", "--problems steps").exit_code, 2);
  EXPECT_EQ(run("traces.jsonl", "--problems steps --count 0").exit_code, 2);
  EXPECT_EQ(run("traces.jsonl", "--problems steps --top-p 0").exit_code, 2);
  EXPECT_EQ(run("traces.jsonl", "--problems steps --seed -3").exit_code, 2);
  const auto unknown = run("traces.jsonl", "--problems no-such-problems");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.standard_error, HasSubstr("no-such-problems"));
  EXPECT_FALSE(fs::exists(path("traces.jsonl")));
  // A model of any other name answers NuminaMath-1.5, which has to be there.
  const auto missing =
      testing::run_command("QREASON_STORE='" + path("store").string() + "' '" + testing::qreason_binary() +
                           "' calibrate '" + path("tiny").string() + "' -o '" + path("n.jsonl").string() + "'");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.standard_error, HasSubstr("AI-MO/NuminaMath-1.5"));
}

TEST_F(CalibrateCommand, CalibratesAModelThatBringsItsTracesWithThem) {
  ASSERT_EQ(run("tiny/calibration.jsonl", "--problems steps --count 12 --max-tokens 40").exit_code, 0);
  const auto quantize = [&](const std::string& output, const std::string& source) {
    const auto result =
        testing::run_command("'" + testing::qreason_binary() + "' quantize '" + path("tiny").string() +
                             "' gptq-w3g32 --set samples=8 --quiet -o '" + path(output).string() + "'" + source);
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    return parse_json(read_text_file(path(output) / "report.json"), "report")["calibration"];
  };
  const Json own = quantize("own", "");
  const Json named = quantize("named", " --calibration '" + path("tiny/calibration.jsonl").string() + "'");
  EXPECT_EQ(own["source"], "embedded (calibration.jsonl)");
  EXPECT_EQ(own["sha256"], named["sha256"]);
  int compared = 0;
  for (const auto& entry : fs::directory_iterator(path("own"))) {
    if (entry.path().extension() != ".safetensors") continue;
    EXPECT_EQ(sha256_file(entry.path()), sha256_file(path("named") / entry.path().filename()));
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace qreason
