// grade, table, study and evaluate as a user types them. Grades: the study's own (real traces in ../shared).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "base/numerics.h"
#include "support/fixtures.h"
#include "support/pseudo_terminal.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::CommandResult;
using ::testing::EndsWith;
using ::testing::HasSubstr;

CommandResult qreason_command(const std::string& arguments) {
  return testing::run_command("'" + testing::qreason_binary() + "' " + arguments);
}

TEST(GradeCommand, AgreesWithTheGradesInTheStudysFiles) {
  QREASON_REQUIRE_SHARED(file, "data/traces_r1_distill_qwen_1.5b/kvquant_star-kv3_MATH-500.json");
  const CommandResult result = qreason_command("grade --json '" + file.string() + "'");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json json = parse_json(result.standard_output, "stdout");
  ASSERT_EQ(json["files"].size(), 1U);
  const Json& graded = json["files"][0];
  EXPECT_EQ(graded["task"], "MATH-500");
  EXPECT_EQ(graded["count"], 100);
  EXPECT_DOUBLE_EQ(graded["accuracy"].get<double>(), 0.61);
  const Json original = parse_json(read_text_file(file), "original");
  for (std::size_t i = 0; i < original.size(); ++i)
    EXPECT_EQ(graded["grades"][i].get<int>(),
              static_cast<int>(original[i]["metrics"]["extractive_match"].get<double>()));
}

TEST(GradeCommand, WritesTheStudysFormOnceAndLeavesTheInputAlone) {
  QREASON_REQUIRE_SHARED(traces, "data/traces_r1_distill_qwen_1.5b");
  testing::ScratchFolder scratch;
  const fs::path folder = scratch.path() / "in" / "R1-kvquant_star-kv3-tp1-seed42";
  fs::create_directories(folder);
  fs::copy_file(traces / "kvquant_star-kv3_AIME-90.json", folder / "AIME-90.jsonl");
  const std::string before = sha256_file(folder / "AIME-90.jsonl");
  const std::string command =
      "grade '" + (scratch.path() / "in").string() + "' --study-form '" + (scratch.path() / "out").string() + "'";
  ASSERT_EQ(qreason_command(command).exit_code, 0);
  const fs::path copy = scratch.path() / "out" / folder.filename() / "AIME-90.jsonl";
  EXPECT_EQ(parse_json(read_text_file(copy), "copy").size(), 45U);
  EXPECT_EQ(sha256_file(folder / "AIME-90.jsonl"), before);
  EXPECT_EQ(qreason_command(command).exit_code, 1);  // nothing is overwritten without --force
  EXPECT_EQ(qreason_command(command + " --force").exit_code, 0);
}

TEST(TableCommand, PrintsTheStudysResultsInEveryForm) {
  QREASON_REQUIRE_SHARED(traces, "data/traces_r1_distill_qwen_1.5b");
  testing::ScratchFolder scratch;
  const fs::path folder = scratch.path() / "R1-gptq-w4g128-tp1-seed42";
  fs::create_directories(folder);
  fs::copy_file(traces / "gptq-w4g128_AIME-90.json", folder / "AIME-90.jsonl");
  const std::string table = "table '" + scratch.path().string() + "'";
  // 17 of 90 recorded as right: 18.9 %.
  EXPECT_THAT(qreason_command(table).standard_output, HasSubstr("| R1 | gptq-w4g128 | 18.9 |"));
  EXPECT_THAT(qreason_command(table + " --format csv").standard_output,
              HasSubstr("\nR1,gptq-w4g128,AIME-90,accuracy,18.8888"));
  EXPECT_THAT(qreason_command(table + " --format latex").standard_output, HasSubstr("R1 & gptq-w4g128 & 18.9"));
  const Json json = parse_json(qreason_command(table + " --json").standard_output, "stdout");
  EXPECT_EQ(json["rows"][0]["tasks"]["AIME-90"]["n_problems"], 90);
  EXPECT_THAT(qreason_command(table + " --metric steps").standard_output, HasSubstr("Reasoning steps"));
}

// Ten answers, five right, in a file of ours.
std::string result_lines(int answers) {
  OrderedJson header = {{"qreason_results", 1},
                        {"task", "GSM8K"},
                        {"dataset", {{"name", "GSM8K"}, {"count", 10}}},
                        {"model", "m"},
                        {"method", "bf16"},
                        {"seed", 42},
                        {"samples", 1},
                        {"provenance", OrderedJson::object()}};
  std::string lines = header.dump() + "\n";
  for (int i = 0; i < answers; ++i) {
    const std::string text = i < 5 ? "\\boxed{1}" : "\\boxed{2}";
    const OrderedJson answer = {{"id", std::to_string(i)},
                                {"seed", 42},
                                {"sample", 0},
                                {"prompt_tokens", 3},
                                {"output_tokens", 4},
                                {"finish_reason", "stop"},
                                {"grade", i < 5 ? 1 : 0},
                                {"extracted", i < 5 ? "1" : "2"},
                                {"gold", "1"},
                                {"full_prompt", "p"},
                                {"text", text},
                                {"timing", {{"seconds", 0.1}}}};
    lines += answer.dump() + "\n";
  }
  return lines;
}

TEST(EvaluationCommands, RefuseAResultFileThatLostAnswers) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "m-seed42" / "GSM8K.jsonl";
  fs::create_directories(file.parent_path());
  write_file_atomic(file, result_lines(10));
  for (const std::string command : {"table", "grade"}) {
    const CommandResult result = qreason_command(command + " '" + scratch.path().string() + "'");
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    EXPECT_THAT(result.standard_output, HasSubstr("50.0"));
  }
  write_file_atomic(file, result_lines(5));
  for (const std::string command : {"table", "grade"}) {
    const CommandResult result = qreason_command(command + " '" + scratch.path().string() + "'");
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.standard_output, "");
    EXPECT_THAT(result.standard_error, HasSubstr(file.string() + ": 5 answers, expected 10"));
  }
}

TEST(GradeCommand, ExplainsOneAnswerAndCountsUnfinishedThoughtsOnRequest) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "m-seed42" / "GSM8K.jsonl";
  fs::create_directories(file.parent_path());
  std::string lines = result_lines(10);
  const std::string box = "\\\\boxed{1}";
  lines.replace(lines.find(box), box.size(), "<think>1 km, \\\\boxed{1}");
  write_file_atomic(file, lines);
  const CommandResult explained = qreason_command("grade '" + file.string() + "' --explain 0");
  EXPECT_EQ(explained.exit_code, 0) << explained.standard_error;
  for (const char* line :
       {"thought: not finished", "found: in a box", "answer: 1", "gold: 1", "verdict: right: the same text"})
    EXPECT_THAT(explained.standard_output, HasSubstr(line));
  EXPECT_EQ(qreason_command("grade '" + file.string() + "' --explain nobody").exit_code, 2);
  EXPECT_EQ(
      parse_json(qreason_command("grade --json '" + file.string() + "'").standard_output, "")["files"][0]["accuracy"],
      0.5);
  const Json strict =
      parse_json(qreason_command("grade --json --finished-only '" + file.string() + "'").standard_output, "");
  EXPECT_EQ(strict["files"][0]["accuracy"], 0.4);
  EXPECT_EQ(strict["files"][0]["unfinished"], 1);
}

// Of ten answers one more is made wrong, whose thought had the gold answer.
TEST(GradeCommand, CountsWrongAnswersWhoseThoughtIsRight) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "m-seed42" / "GSM8K.jsonl";
  fs::create_directories(file.parent_path());
  std::string lines = result_lines(10);
  const auto graded = [&] {
    write_file_atomic(file, lines);
    return parse_json(qreason_command("grade --json '" + file.string() + "'").standard_output, "")["files"][0];
  };
  EXPECT_EQ(graded()["right_in_thought"], 0);
  const std::string box = "\\\\boxed{1}";
  const double before = graded()["accuracy"];
  lines.replace(lines.find(box), box.size(), "<think>So \\\\boxed{1}.</think>The answer is \\\\boxed{3}.");
  EXPECT_EQ(graded()["right_in_thought"], 1);
  EXPECT_NEAR(graded()["accuracy"].get<double>(), before - 0.1, 1e-12);
}

// The model of a folder with a free name: its method stands in the header alone, and must come along.
TEST(GradeCommand, WritesNoStudyFormThatCouldNotBeGraded) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "in" / "m-seed42" / "GSM8K.jsonl";
  fs::create_directories(file.parent_path());
  std::string text = result_lines(10);
  const std::size_t end = text.find('\n');
  Json header = Json::parse(text.substr(0, end));
  header["task"] = "own";
  header["dataset"]["task"] = {{"name", "own"},     {"prompt", "{question}"},
                               {"grader", "math"},  {"metric", "accuracy"},
                               {"source", "a.csv"}, {"columns", {{"question", "q"}, {"gold", "g"}, {"id", ""}}}};
  write_file_atomic(file, header.dump() + text.substr(end));
  ASSERT_EQ(qreason_command("grade '" + file.string() + "'").exit_code, 0);
  const fs::path out = scratch.path() / "out";
  const CommandResult graded = qreason_command("grade '" + file.string() + "' --study-form '" + out.string() + "'");
  EXPECT_EQ(graded.exit_code, 1);
  EXPECT_THAT(graded.standard_error, HasSubstr("a task of one's own and --study-form"));
  EXPECT_FALSE(fs::exists(out));
}

TEST(GradeCommand, KeepsTheMethodInTheStudysForm) {
  testing::ScratchFolder scratch;
  const fs::path file = scratch.path() / "in" / "precious-seed42" / "GSM8K.jsonl";
  fs::create_directories(file.parent_path());
  std::string lines = result_lines(10);
  lines.replace(lines.find("\"bf16\""), 6, "\"gptq-w4g64\"");
  write_file_atomic(file, lines);
  const std::string out = (scratch.path() / "out").string();
  ASSERT_EQ(qreason_command("grade '" + file.string() + "' --study-form '" + out + "'").exit_code, 0);
  const CommandResult table = qreason_command("table '" + out + "'");
  EXPECT_THAT(table.standard_output, HasSubstr("| m | gptq-w4g64 | 50.0 |"));
  fs::rename(scratch.path() / "out" / "m-gptq-w4g64-seed42", scratch.path() / "out" / "free-seed42");
  EXPECT_THAT(qreason_command("table '" + out + "'").standard_output, HasSubstr("| free | unknown | 50.0 |"));
  EXPECT_EQ(qreason_command("table '" + out + "' --baseline nothing").exit_code, 2);
}

TEST(TableCommand, FitsATerminalAndShowsAllWhenAskedTo) {
  QREASON_REQUIRE_TERMINAL();
  testing::ScratchFolder scratch;
  for (const std::string method : {"bf16", "rtn-w4a4kv4"}) {
    const fs::path file = scratch.path() / ("DeepSeek-R1-Distill-Qwen-1.5B-" + method + "-seed42") / "GSM8K.jsonl";
    fs::create_directories(file.parent_path());
    std::string lines = result_lines(10);
    lines.replace(lines.find("\"bf16\""), 6, "\"" + method + "\"");
    write_file_atomic(file, lines);
  }
  const auto shown = [&](const std::vector<std::string>& options) {
    std::vector<std::string> command = {testing::qreason_binary(), "table", scratch.path().string()};
    command.insert(command.end(), options.begin(), options.end());
    testing::PseudoTerminal terminal(80, command);
    EXPECT_EQ(terminal.finish(), 0);
    return terminal.printed();
  };
  const std::string narrow = shown({});
  EXPECT_THAT(narrow, HasSubstr("rtn-w4a4kv4"));
  std::istringstream lines(narrow);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };  // UTF-8
    EXPECT_LE(line.size() - std::count_if(line.begin(), line.end(), continues), 80U) << line;
  }
  EXPECT_THAT(shown({"--wide"}), HasSubstr(" McNemar p |"));
  EXPECT_THAT(shown({"--format", "markdown"}), HasSubstr("| m | bf16 | 50.0 |"));
}

TEST(EvaluateCommand, GoesOnAfterAPromptThatIsTooLong) {
  testing::ScratchFolder scratch;
  testing::write_tiny_chat_model(scratch.path() / "tiny");  // 512 positions, a token a byte
  std::string rows;
  for (const int length : {10, 3000, 20})
    rows += OrderedJson{{"question", std::string(length, 'x')}, {"answer", "#### 1"}}.dump() + "\n";
  write_file_atomic(scratch.path() / "gsm8k.jsonl", rows);
  const CommandResult result = qreason_command(
      "evaluate '" + (scratch.path() / "tiny").string() + "' --tasks GSM8K --seeds 1 --max-tokens 3 --data 'GSM8K=" +
      (scratch.path() / "gsm8k.jsonl").string() + "' -o '" + (scratch.path() / "out").string() + "'");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const fs::path file = scratch.path() / "out" / "tiny-seed1" / "GSM8K.jsonl";
  EXPECT_THAT(result.standard_error, HasSubstr(file.string() + ", problem 1: a prompt of"));
  int too_long = 0;
  std::istringstream lines(read_text_file(file));
  for (std::string line; std::getline(lines, line);) {
    const Json json = parse_json(line, "line");
    if (json.value("output_tokens", -1) != 0 || json["finish_reason"] != "length") continue;
    ++too_long;
    EXPECT_EQ(json["id"], "1");
    EXPECT_EQ(json["grade"], 0);
  }
  EXPECT_EQ(too_long, 1);
}

TEST(EvaluateCommand, RecordsItsContextAndRefusesWhatItsCacheCannotHold) {
  testing::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  const std::string evaluate = "evaluate '" + testing::project_path("models/steps-llama-1m").string() +
                               "' --tasks steps-easy --seeds 42 --limit 2 -o '" + out.string() + "' ";
  const CommandResult first = qreason_command(evaluate + "--max-tokens 24 --context 200 --cache-memory 8MiB");
  ASSERT_EQ(first.exit_code, 0) << first.standard_error;
  const std::string file = read_text_file(out / "steps-llama-1m-seed42" / "steps-easy.jsonl");
  const Json provenance = parse_json(file.substr(0, file.find('\n')), "header")["provenance"];
  EXPECT_EQ(provenance["sampling"]["context"], 200);
  EXPECT_EQ(provenance["arithmetic"], "portable");
  EXPECT_EQ(provenance["tool"]["cache_memory"], 8 << 20);
  // Memory changes no answer, the context may.
  EXPECT_EQ(qreason_command(evaluate + "--max-tokens 24 --context 200 --cache-memory 9MiB").exit_code, 0);
  const CommandResult other = qreason_command(evaluate + "--max-tokens 24 --context 201");
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.standard_error, HasSubstr("provenance.sampling.context: 200 in the file, 201 now"));

  const CommandResult tight = qreason_command(evaluate + "--force --max-tokens 600 --cache-memory 100KiB");
  EXPECT_EQ(tight.exit_code, 1);
  EXPECT_THAT(tight.standard_error, HasSubstr("100.0 KiB hold 0 sequences of"));
  // Weights and cache together: what they leave, and that they alone are too many.
  const CommandResult whole = qreason_command(evaluate + "--max-tokens 24 --context 200 --memory 16MiB --force");
  EXPECT_EQ(whole.exit_code, 0) << whole.standard_error;
  const CommandResult heavy = qreason_command(evaluate + "--max-tokens 24 --context 200 --memory 1MiB");
  EXPECT_THAT(heavy.standard_error, HasSubstr("--memory: 1.0 MiB, expected more than the"));
  for (const char* wrong : {"--context 641", "--context 1", "--cache-memory much", "--memory some",
                            "--memory 8MiB --cache-memory 8MiB", "--memory 1MiB"}) {
    EXPECT_EQ(qreason_command(std::string(evaluate).replace(evaluate.find("/out'"), 5, "/new'") + wrong).exit_code, 2)
        << wrong;
  }
}

// Every command that runs a model, where the instructions are missing: one line that names them.
TEST(EvaluationCommands, RefuseAClassOfArithmeticThatTheMachineLacks) {
  testing::ScratchFolder scratch;
  const std::string model = " '" + testing::project_path("models/steps-llama-1m").string() + "' ";
  const std::string out = " -o '" + (scratch.path() / "out").string() + "'";
  const std::string forced = "QREASON_ISA=avx2 '" + testing::qreason_binary() + "' ";
  for (const std::string& command :
       {"generate" + model + "-p Hello", "evaluate" + model + "--tasks steps-easy --limit 1" + out,
        "perplexity" + model + "--windows 1", "compare" + model + model + "--windows 1",
        "logits" + model + "--tokens no.safetensors" + out, "calibrate" + model + "--count 1" + out + ".jsonl"}) {
    const CommandResult result = testing::run_command(forced + command + " --arithmetic fast");
    EXPECT_EQ(result.exit_code, 2) << command;
    EXPECT_THAT(result.standard_error, HasSubstr("error: --arithmetic: fast without AVX512_BF16")) << command;
    EXPECT_EQ(std::count(result.standard_error.begin(), result.standard_error.end(), '\n'), 1);
  }
  const fs::path study = scratch.path() / "s.toml";
  write_file_atomic(study,
                    "methods = [\"bf16\"]\ntasks = [\"steps-easy\"]\nlimit = 1\narithmetic = \"fast\"\n"
                    "[[model]]\nmodel = \"" +
                        testing::project_path("models/steps-llama-1m").string() + "\"\n");
  const CommandResult result = testing::run_command(forced + "study '" + study.string() + "'" + out);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.standard_error, HasSubstr("s.toml, line 5: arithmetic: fast without AVX512_BF16"));
}

TEST(EvaluateCommand, RecordsTheFastClassAndDoesNotMixItWithThePortableOne) {
  if (const std::string missing = missing_for(Arithmetic::kFast); !missing.empty()) GTEST_SKIP() << "needs " << missing;
  testing::ScratchFolder scratch;
  const fs::path out = scratch.path() / "out";
  const std::string evaluate = "evaluate '" + testing::project_path("models/steps-llama-1m").string() +
                               "' --tasks steps-easy --seeds 42 --limit 2 --max-tokens 24 -o '" + out.string() + "' ";
  const CommandResult fast = qreason_command(evaluate + "--arithmetic fast");
  ASSERT_EQ(fast.exit_code, 0) << fast.standard_error;
  const std::string file = read_text_file(out / "steps-llama-1m-seed42" / "steps-easy.jsonl");
  EXPECT_EQ(parse_json(file.substr(0, file.find('\n')), "header")["provenance"]["arithmetic"], "fast-bf16");
  EXPECT_EQ(qreason_command(evaluate + "--arithmetic fast").exit_code, 0);
  const CommandResult portable = qreason_command(evaluate);
  EXPECT_EQ(portable.exit_code, 1);
  EXPECT_THAT(portable.standard_error, HasSubstr("provenance.arithmetic: \"fast-bf16\" in the file, \"portable\" now"));
}

TEST(EvaluationCommands, TellUsageFromFailureInOneLine) {
  testing::ScratchFolder scratch;
  const fs::path study = scratch.path() / "s.toml";
  write_file_atomic(study, "tasks = [\"GSM8K\"]\nmethod = [\"bf16\"]\n");
  const std::pair<std::string, int> cases[] = {
      {"evaluate", 2},
      {"evaluate m", 2},
      {"evaluate m --tasks chess", 2},
      {"evaluate m --tasks GSM8K --seeds x", 2},
      {"evaluate m --tasks GSM8K --seeds 5-1", 2},
      {"evaluate m --tasks GSM8K --limit 0", 2},
      {"evaluate m --tasks GSM8K --top-p 0", 2},
      {"evaluate m --tasks GSM8K --data GSM8K", 2},
      {"evaluate /nonexistent/m --tasks GSM8K", 1},
      {"grade", 2},
      {"grade /nonexistent", 1},
      {"table", 2},
      {"table /nonexistent", 1},
      {"table '" + scratch.path().string() + "'", 1},
      {"table x --metric length", 2},
      {"study /nonexistent.toml", 1},
      {"study --limit 0", 2},
      {"study --limit 3 --full", 2},
      {"study '" + study.string() + "'", 1},
  };
  for (const auto& [arguments, code] : cases) {
    const CommandResult result = qreason_command(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << ": " << result.standard_error;
    EXPECT_TRUE(result.standard_error.starts_with("error: ")) << arguments;
    EXPECT_EQ(std::count(result.standard_error.begin(), result.standard_error.end(), '\n'), 1) << arguments;
    EXPECT_EQ(result.standard_output, "") << arguments;
  }
  EXPECT_THAT(qreason_command("evaluate m --tasks GSM8K --data zzz=file").standard_error,
              ::testing::StartsWith("error: --data: the name \"zzz\", expected that of a task of --tasks"));
}

}  // namespace
}  // namespace qreason
