// Study files, and the grid with a worker that only writes files: what is run, kept and resumed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "study/file_worker.h"
#include "study/study_runner.h"
#include "study/study_spec.h"
#include "support/fixtures.h"
#include "support/recording_listener.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::FileWorker;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::StrEq;
using ::testing::ThrowsMessage;

constexpr const char* kStudy = R"(
name = "small"
tasks = ["gsm8k"]
seeds = [42, 43]
methods = ["rtn-w4g64", "bf16"]
limit = 2
max_tokens = 64
context = 2048
arithmetic = "portable"
[measure]
text = "wikitext2"
windows = 3
[[model]]
model = "folder/A.gguf"
dtype = "bfloat16"
[[model]]
model = "B"
name = "second"
context = 512
arithmetic = "fast"
cache_memory = "1.5GiB"
methods = ["bf16"]
limit = 5
)";

TEST(StudySpec, GivesEveryModelTheStudysSettingsUnlessItHasItsOwn) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  ASSERT_EQ(spec.models.size(), 2U);
  EXPECT_EQ(spec.models[0].name, "A");
  EXPECT_EQ(spec.models[0].dtype, "bfloat16");
  EXPECT_THAT(spec.models[0].methods, ElementsAre("bf16", "rtn-w4g64"));  // the unquantized model first
  EXPECT_THAT(spec.models[0].tasks, ElementsAre(Field(&Task::name, "GSM8K")));
  EXPECT_EQ(spec.models[0].limit, 2);
  EXPECT_EQ(spec.models[1].name, "second");
  EXPECT_EQ(spec.models[1].limit, 5);
  EXPECT_EQ(spec.models[1].sampling.max_tokens, 64);
  EXPECT_EQ(spec.models[0].context, 2048);
  EXPECT_EQ(spec.models[1].context, 512);
  EXPECT_EQ(spec.models[0].cache_memory, std::nullopt);
  EXPECT_EQ(spec.models[1].cache_memory, 3u << 29);
  EXPECT_EQ(spec.models[0].arithmetic, Arithmetic::kPortable);
  EXPECT_EQ(spec.models[1].arithmetic, Arithmetic::kFast);
  EXPECT_EQ(spec.models[1].measure->windows, 3);
}

TEST(StudySpec, NamesTheLineOfWhatIsWrong) {
  const auto parsing = [](std::string text) { return [text = std::move(text)] { parse_study(text, "s.toml"); }; };
  EXPECT_THAT(parsing("a = ["), ThrowsMessage<Error>(HasSubstr("s.toml, line 1")));
  EXPECT_THAT(parsing("\ntask = 3\n"), ThrowsMessage<Error>(HasSubstr("line 2: the key \"task\"")));
  for (const char* name : {"../../evil", ".", "a\\nb", "a\\u001b[31m"})
    EXPECT_THAT(parsing(fmt::format(
                    "name = \"{}\"\ntasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n[[model]]\nmodel = \"a\"\n", name)),
                ThrowsMessage<Error>(HasSubstr("a name without slashes and control characters")))
        << name;
  EXPECT_THAT(parsing("seeds = [1, 1]\n"), ThrowsMessage<Error>(HasSubstr("seed 1 twice")));
  EXPECT_THAT(parsing("seeds = [-1]\n"), ThrowsMessage<Error>(HasSubstr("a whole number from 0")));
  EXPECT_THAT(parsing("limit = \"all\"\n"), ThrowsMessage<Error>(HasSubstr("limit")));
  EXPECT_THAT(parsing("limit = 0\n"),
              ThrowsMessage<Error>(StrEq("s.toml, line 1: limit 0, expected a whole number from 1")));
  EXPECT_THAT(
      parsing("tasks = [\n\"GSM8K\",\n\"chess\"]\n"),
      ThrowsMessage<Error>(AllOf(StartsWith("s.toml, line 3: tasks: \"chess\", expected"), Not(HasSubstr("--")))));
  const std::string row = "tasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n[[model]]\nmodel = \"a\"\n[data]\n";
  EXPECT_THAT(parsing(row + "chess = \"x\"\n"), ThrowsMessage<Error>(HasSubstr("line 6: the data set \"chess\"")));
  EXPECT_THAT(parsing(row + "gsm8k = \"x\"\nGSM8K = \"y\"\n"), ThrowsMessage<Error>(HasSubstr("GSM8K again")));
  EXPECT_THAT(parsing(row + "math500 = \"x\"\n"),
              ThrowsMessage<Error>(HasSubstr("line 6: data of MATH-500, which no model is asked")));
  EXPECT_THAT(parsing("batch = 65537\n"), ThrowsMessage<Error>(HasSubstr("line 1: batch 65537, expected 1 to 65536")));
  EXPECT_THAT(parsing("\ntop_p = 0\n"), ThrowsMessage<Error>(HasSubstr("line 2: top_p 0, expected more than 0")));
  EXPECT_THAT(parsing("temperature = \"hot\"\n"), ThrowsMessage<Error>(HasSubstr("a number")));
  EXPECT_THAT(parsing("max_tokens = 0\n"), ThrowsMessage<Error>(HasSubstr("max_tokens 0")));
  EXPECT_THAT(parsing("thinking_budget = -1\n"), ThrowsMessage<Error>(HasSubstr("thinking_budget -1")));
  EXPECT_THAT(parsing("presence_penalty = 3.0\n"), ThrowsMessage<Error>(HasSubstr("presence_penalty 3")));
  EXPECT_THAT(parsing("context = 1\n"), ThrowsMessage<Error>(HasSubstr("context")));
  EXPECT_THAT(parsing("cache_memory = \"much\"\n"), ThrowsMessage<Error>(HasSubstr("cache_memory much")));
  EXPECT_THAT(parsing("arithmetic = \"exact\"\n"),
              ThrowsMessage<Error>(HasSubstr("arithmetic exact, expected portable, fast")));
  EXPECT_THAT(parsing("dtype = \"float16\"\n"), ThrowsMessage<Error>(HasSubstr("auto, float32, bfloat16")));
  EXPECT_THAT(parsing("tasks = [\"GSM8K\"]\n"), ThrowsMessage<Error>(HasSubstr("[[model]]")));
  EXPECT_THAT(
      parsing("tasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n[[model]]\nmodel = \"a\"\n[[model]]\nmodel = \"x/a\"\n"),
      ThrowsMessage<Error>(HasSubstr("two models a")));
  EXPECT_THAT(parsing("tasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n[[model]]\nmodel = \"a\"\nname = \"../x\"\n"),
              ThrowsMessage<Error>(HasSubstr("slashes")));
}

// Two rows of one name, and names that promise another method than they are.
TEST(StudySpec, TellsRowsApart) {
  const auto parsing = [](const std::string& rows) {
    return [text = "tasks = [\"GSM8K\"]\nmethods = [\"bf16\"]\n" + rows] { parse_study(text, "s.toml"); };
  };
  const std::string model = "[[model]]\nmodel = \"m\"\n";
  const auto method = [&](const std::string& name, const std::string& what) {
    return parsing("[[method]]\nname = \"" + name + "\"\n" + what + "\n" + model);
  };
  for (const auto& [name, what] :
       std::vector<std::pair<std::string, std::string>>{{"gptq-w4g128", "method = \"gptq-w3g128\""},
                                                        {"GPTQ-w4g128", "method = \"gptq-w3g128\""},
                                                        {"awq-w4g128", "method = \"gptq-w4g128\""},
                                                        {"awq-mine", "method = \"gptq-w4g128\""},
                                                        {"gptq-w4g128-heavy", "method = \"gptq-w3g128\""},
                                                        {"gptq-w4g128", "method = \"gptq-w4g128-tp2\""},
                                                        {"rtn-w4", "recipe = \"gptq-w4.toml\""}})
    EXPECT_THAT(method(name, what), ThrowsMessage<Error>(AllOf(HasSubstr("s.toml, line 3: name "), HasSubstr(name))))
        << name;
  for (const auto& [name, what] :
       std::vector<std::pair<std::string, std::string>>{{"gptq-w4g128-heavy", "method = \"gptq-w4g128\""},
                                                        {"gptq-w4g128", "method = \"gptq-w4g128\""},
                                                        {"heavy", "method = \"gptq-w4g128\""},
                                                        {"quarot-gptq-w4", "recipe = \"x.toml\""},
                                                        {"rtn-w4", "recipe = \"01-rtn-w4.toml\""}})
    EXPECT_NO_THROW(method(name, what)()) << name;
  EXPECT_THAT(parsing("[[model]]\nmodel = \"m\"\nmethods = [\"bf16\", \"BF16\"]\n"),
              ThrowsMessage<Error>(HasSubstr("line 3: several methods for the unquantized model")));
  EXPECT_THAT(parsing("[[method]]\nname = \"b-c\"\nmethod = \"gptq-w4g128\"\n"
                      "[[method]]\nname = \"c\"\nmethod = \"gptq-w3g128\"\n"
                      "[[model]]\nmodel = \"a\"\nmethods = [\"b-c\"]\n[[model]]\nmodel = \"a-b\"\nmethods = [\"c\"]\n"),
              ThrowsMessage<Error>(
                  HasSubstr("s.toml, line 12: model a with b-c and model a-b with c, both in the folder a-b-c")));
  EXPECT_THAT(parsing("[[model]]\nmodel = \"m\"\nmethods = [\"rtn-w4\"]\n"
                      "[[model]]\nmodel = \"m\"\nname = \"m-rtn-w4\"\n[model.outliers]\nfactor = 2\n"),
              ThrowsMessage<Error>(HasSubstr("both in the folder m-rtn-w4")));
}

constexpr const char* kVariants = R"(
tasks = ["gsm8k"]
seeds = [42]
set = ["damping=0.05", "samples=4"]
methods = ["bf16", "gptq-w3g64", "coarse"]
[calibration]
length = 256
[[method]]
name = "coarse"
method = "gptq-w3g64"
set = ["damping=0.1"]
[method.calibration]
source = "wikitext2"
[[model]]
model = "folder/A.gguf"
[[model]]
model = "folder/A.gguf"
name = "A-outliers"
[model.outliers]
factor = 32
)";

TEST(StudySpec, KnowsMethodsUnderNamesOfTheirOwn) {
  const StudySpec spec = parse_study(kVariants, "s.toml");
  const StudyMethod plain = method_of(spec, spec.models[0], "gptq-w3g64");
  EXPECT_EQ(plain.method, "gptq-w3g64");
  EXPECT_THAT(plain.set, ElementsAre("damping=0.05", "samples=4"));
  EXPECT_EQ(plain.calibration.source, "");
  const StudyMethod coarse = method_of(spec, spec.models[0], "coarse");
  EXPECT_EQ(coarse.method, "gptq-w3g64");
  EXPECT_THAT(coarse.set, ElementsAre("samples=4", "damping=0.1"));
  EXPECT_EQ(coarse.calibration.source, "wikitext2");
  EXPECT_EQ(coarse.calibration.length, 256);
  EXPECT_FALSE(spec.models[0].outliers);
  EXPECT_EQ(spec.models[1].outliers->factor, 32);
  EXPECT_EQ(spec.models[1].outliers->key_bias, 300);
}

TEST(StudySpec, NamesTheLineOfAMethodThatIsWrong) {
  const auto parsing = [](std::string text) { return [text = std::move(text)] { parse_study(text, "s.toml"); }; };
  EXPECT_THAT(parsing("\n[[method]]\nname = \"a\"\n"), ThrowsMessage<Error>(HasSubstr("method or recipe")));
  EXPECT_THAT(parsing("[[method]]\nname = \"a\"\nmethod = \"b\"\nrecipe = \"c.toml\"\n"),
              ThrowsMessage<Error>(HasSubstr("method or recipe")));
  EXPECT_THAT(parsing("[[method]]\nname = \"a/b\"\nmethod = \"b\"\n"), ThrowsMessage<Error>(HasSubstr("slashes")));
  EXPECT_THAT(parsing("[[method]]\nname = \"BF16\"\nmethod = \"b\"\n"), ThrowsMessage<Error>(HasSubstr("unquantized")));
  EXPECT_THAT(parsing("[[method]]\nname = \"a\"\nrecipe = \"c.txt\"\n"), ThrowsMessage<Error>(HasSubstr(".toml")));
  EXPECT_THAT(parsing("[[method]]\nname = \"a\"\nmethod = \"b\"\n[[method]]\nname = \"a\"\nmethod = \"b\"\n"),
              ThrowsMessage<Error>(HasSubstr("two methods a")));
}

TEST(StudyRunner, RunsTheGridAndWritesTables) {
  testing::ScratchFolder scratch;
  const StudySpec spec = parse_study(kStudy, "s.toml");
  FileWorker worker;
  testing::RecordingListener listener;
  const StudyOutcome outcome = run_study(spec, {.folder = scratch.path(), .listener = listener}, worker);
  EXPECT_EQ(listener.notes.size(), 7U);  // a line a step
  EXPECT_THAT(listener.notes[1], ::testing::StartsWith("[2/7] evaluate A-bf16 ("));
  EXPECT_THAT(worker.steps,
              ElementsAre("measure A-bf16", "evaluate A-bf16 42", "evaluate A-bf16 43", "quantize A-rtn-w4g64",
                          "measure A-rtn-w4g64", "evaluate A-rtn-w4g64 42", "evaluate A-rtn-w4g64 43",
                          "measure second-bf16", "evaluate second-bf16 42", "evaluate second-bf16 43"));
  // 100 and 0: mean 50, standard deviation sqrt(2) * 50 = 70.7.
  EXPECT_THAT(outcome.markdown, HasSubstr("| A | rtn-w4g64 | 50.0 ± 70.7 |"));
  EXPECT_THAT(outcome.markdown, HasSubstr("| second | bf16 | 12.500 |"));
  for (const char* name : {"table.md", "table.csv", "table.json"})
    EXPECT_TRUE(fs::exists(scratch.path() / name)) << name;
}

TEST(StudyRunner, GoesOnWhereItWasKilledAndDoesNothingTwice) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  testing::ScratchFolder reference;
  FileWorker whole;
  const std::string expected = run_study(spec, {.folder = reference.path()}, whole).markdown;
  for (int killed_at = 0; killed_at < 10; ++killed_at) {
    testing::ScratchFolder scratch;
    FileWorker first(killed_at);
    EXPECT_THROW(run_study(spec, {.folder = scratch.path()}, first), Error);
    FileWorker second;
    EXPECT_EQ(run_study(spec, {.folder = scratch.path()}, second).markdown, expected);
    EXPECT_LE(first.steps.size() + second.steps.size(), 11U);  // at most one evaluation begins again
    FileWorker third;
    run_study(spec, {.folder = scratch.path()}, third);
    EXPECT_TRUE(third.steps.empty());
  }
}

TEST(StudyRunner, LooksForEveryModelItNeedsBeforeItBegins) {
  testing::ScratchFolder scratch;
  const StudySpec spec = parse_study(kStudy, "s.toml");
  FileWorker worker;
  worker.missing = "second";
  EXPECT_THROW(run_study(spec, {.folder = scratch.path()}, worker), Error);
  EXPECT_TRUE(worker.steps.empty());
  worker.missing = "";
  run_study(spec, {.folder = scratch.path()}, worker);
  worker.missing = "second";  // a finished study needs no model
  EXPECT_NO_THROW(run_study(spec, {.folder = scratch.path()}, worker));
}

TEST(StudyRunner, RefusesCheckpointsOfOtherSettingsUnlessForced) {
  testing::ScratchFolder scratch;
  FileWorker worker;
  StudySpec spec = parse_study(kStudy, "s.toml");
  run_study(spec, {.folder = scratch.path()}, worker);
  spec.models[0].calibration.samples = 7;
  EXPECT_THAT([&] { run_study(spec, {.folder = scratch.path()}, worker); },
              ThrowsMessage<Error>(HasSubstr("other settings")));
  // What is no result stays, and what is no checkpoint of ours is not touched.
  const fs::path thesis = scratch.path() / "models" / "A-rtn-w4g64" / "thesis.tex";
  write_file_atomic(thesis, "mine");
  EXPECT_THAT([&] { run_study(spec, {.folder = scratch.path(), .if_different = IfExists::kReplace}, worker); },
              ThrowsMessage<Error>(HasSubstr("A-rtn-w4g64: a folder that qreason did not make")));
  EXPECT_EQ(read_text_file(thesis), "mine");
  fs::remove(thesis);
  const fs::path notes = scratch.path() / "results" / "A-rtn-w4g64-seed42" / "notes.txt";
  write_file_atomic(notes, "mine");
  write_file_atomic(notes.parent_path() / "MATH-500.jsonl", "of the checkpoint that goes");
  FileWorker again;
  run_study(spec, {.folder = scratch.path(), .if_different = IfExists::kReplace}, again);
  EXPECT_FALSE(fs::exists(scratch.path() / "results" / "A-rtn-w4g64-seed42" / "MATH-500.jsonl"));
  EXPECT_EQ(read_text_file(notes), "mine");
  EXPECT_THAT(again.steps, ElementsAre("measure A-bf16", "quantize A-rtn-w4g64", "measure A-rtn-w4g64",
                                       "evaluate A-rtn-w4g64 42", "evaluate A-rtn-w4g64 43"));
}

TEST(StudyRunner, MakesModelsWithOutliersFirst) {
  testing::ScratchFolder scratch;
  StudySpec spec = parse_study(kVariants, "s.toml");
  FileWorker worker;
  run_study(spec, {.folder = scratch.path()}, worker);
  EXPECT_THAT(worker.steps, ElementsAre("evaluate A-bf16 42", "quantize A-gptq-w3g64", "evaluate A-gptq-w3g64 42",
                                        "quantize A-coarse", "evaluate A-coarse 42", "outliers A-outliers",
                                        "evaluate A-outliers-bf16 42", "quantize A-outliers-gptq-w3g64",
                                        "evaluate A-outliers-gptq-w3g64 42", "quantize A-outliers-coarse",
                                        "evaluate A-outliers-coarse 42"));
  EXPECT_THAT(worker.required, ElementsAre("folder/A.gguf", "folder/A.gguf"));
  // Other outliers are another model: with --force all of it is made again, and nothing else.
  spec.models[1].outliers->factor = 16;
  EXPECT_THAT([&] { run_study(spec, {.folder = scratch.path()}, worker); },
              ThrowsMessage<Error>(HasSubstr("other settings")));
  FileWorker again;
  run_study(spec, {.folder = scratch.path(), .if_different = IfExists::kReplace}, again);
  EXPECT_THAT(again.steps, ElementsAre("outliers A-outliers", "evaluate A-outliers-bf16 42",
                                       "quantize A-outliers-gptq-w3g64", "evaluate A-outliers-gptq-w3g64 42",
                                       "quantize A-outliers-coarse", "evaluate A-outliers-coarse 42"));
}

TEST(StudyRunner, MeasuresAgainInAnotherClassOfArithmetic) {
  testing::ScratchFolder scratch;
  FileWorker worker;
  StudySpec spec = parse_study(kStudy, "s.toml");
  run_study(spec, {.folder = scratch.path()}, worker);
  spec.models[0].arithmetic = Arithmetic::kFast;
  FileWorker again;
  run_study(spec, {.folder = scratch.path()}, again);
  EXPECT_THAT(again.steps, ElementsAre("measure A-bf16", "measure A-rtn-w4g64"));
}

TEST(StudyRunner, MeasuresAgainOnAnotherKindOfDevice) {
  testing::ScratchFolder scratch;
  FileWorker worker;
  const StudySpec spec = parse_study(kStudy, "s.toml");
  run_study(spec, {.folder = scratch.path()}, worker);
  FileWorker on_device;
  on_device.kind = {{"kind", "cuda"}, {"batch_invariant", false}};
  const StudyOutcome outcome = run_study(spec, {.folder = scratch.path()}, on_device);
  EXPECT_THAT(on_device.steps, ElementsAre("measure A-bf16", "measure A-rtn-w4g64", "measure second-bf16"));
  EXPECT_EQ(outcome.measures[0]["device"]["kind"], "cuda");
  FileWorker again;
  again.kind = on_device.kind;
  run_study(spec, {.folder = scratch.path()}, again);
  EXPECT_TRUE(again.steps.empty());
}

TEST(StudyRunner, WritesNoTableOverAFileOfTheUser) {
  const StudySpec spec = parse_study(kStudy, "s.toml");
  for (const char* name : {"table.md", "table.csv", "table.json"}) {
    testing::ScratchFolder scratch;
    write_file_atomic(scratch.path() / "mine", "[1]");
    fs::create_symlink("mine", scratch.path() / name);
    FileWorker worker;
    EXPECT_THAT([&] { run_study(spec, {.folder = scratch.path()}, worker); },
                ThrowsMessage<Error>(HasSubstr(std::string(name) + ": it exists already")));
    EXPECT_EQ(read_text_file(scratch.path() / "mine"), "[1]");
    EXPECT_TRUE(worker.steps.empty());
    run_study(spec, {.folder = scratch.path(), .if_different = IfExists::kReplace}, worker);
    run_study(spec, {.folder = scratch.path()}, worker);  // a study's by now
  }
}

}  // namespace
}  // namespace qreason
