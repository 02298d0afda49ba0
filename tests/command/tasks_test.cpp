// Tasks and their data as a user names them: evaluate, grade and table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/sandbox_support.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::CommandResult;
using ::testing::HasSubstr;

CommandResult qreason_command(const std::string& arguments) {
  return testing::run_command("'" + testing::qreason_binary() + "' " + arguments);
}

class TaskCommands : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_tiny_chat_model(scratch_.path() / "tiny"); }  // 512 positions, a token a byte
  CommandResult evaluate(const std::string& options) const {
    return qreason_command("evaluate '" + (scratch_.path() / "tiny").string() + "' --max-tokens 3 -o '" +
                           (scratch_.path() / "out").string() + "' " + options);
  }
  std::string write(const std::string& name, const std::string& content) const {
    write_file_atomic(scratch_.path() / name, content);
    return "'" + (scratch_.path() / name).string() + "'";
  }
  std::vector<Json> lines(const std::string& file) const {
    std::vector<Json> all;
    std::istringstream text(read_text_file(scratch_.path() / "out" / file));
    for (std::string line; std::getline(text, line);) all.push_back(parse_json(line, file));
    return all;
  }
  testing::ScratchFolder scratch_;
};

TEST_F(TaskCommands, GpqaPutsItsChoicesInTheOrderOfTheShuffleSeed) {
  const std::string data = write("g.csv",
                                 "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\n"
                                 "Q1?,yes,a,b,c\nQ2?,yes,a,b,c\nQ3?,yes,a,b,c\n");
  const std::string gpqa = "--tasks gpqa-diamond --seeds 42 --data GPQA-Diamond=" + data;
  CommandResult result = evaluate(gpqa);
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const std::vector<Json> first = lines("tiny-seed42/GPQA-Diamond.jsonl");
  ASSERT_EQ(first.size(), 4U);
  EXPECT_EQ(first[0]["dataset"]["shuffle_seed"], 42);
  for (std::size_t i = 1; i < 4; ++i)  // Random(42) draws A, A, C
    EXPECT_EQ(first[i]["gold"], first[i]["id"] == "2" ? "C" : "A");
  result = evaluate(gpqa + " --shuffle-seed 1234");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("dataset.shuffle_seed: 42 in the file, 1234 now"));
  EXPECT_EQ(evaluate(gpqa + " --shuffle-seed 1234 --force").exit_code, 0);
  const std::vector<Json> second = lines("tiny-seed42/GPQA-Diamond.jsonl");
  for (std::size_t i = 1; i < 4; ++i)  // Random(1234) draws D, A, A
    EXPECT_EQ(second[i]["gold"], second[i]["id"] == "0" ? "D" : "A");

  const std::string file = (scratch_.path() / "out/tiny-seed42/GPQA-Diamond.jsonl").string();
  const CommandResult explained = qreason_command("grade '" + file + "' --explain 0");
  EXPECT_THAT(explained.standard_output, ::testing::AllOf(HasSubstr("gold: D"), ::testing::Not(HasSubstr("Q1"))));
  EXPECT_EQ(qreason_command("grade '" + file + "'").exit_code, 0);
  EXPECT_EQ(evaluate(gpqa + " --shuffle-seed -1").exit_code, 2);
}

// The example of docs/tasks.md, as it stands there.
TEST_F(TaskCommands, RunTheTaskOfTheDocumentation) {
  const fs::path task = testing::project_path("docs/tasks/sums.toml");
  std::string shown;
  std::istringstream text(read_text_file(task));
  for (std::string line; std::getline(text, line);) shown += line.empty() ? "\n" : "    " + line + "\n";
  EXPECT_THAT(read_text_file(testing::project_path("docs/tasks.md")), HasSubstr(shown));

  const std::string sums = "--tasks '" + task.string() + "' --seeds 1,2 --limit 2";
  CommandResult result = evaluate(sums);
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const std::vector<Json> first = lines("tiny-seed1/sums.jsonl");
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0]["dataset"]["task"]["grader"], "math");
  EXPECT_THAT(first[1]["full_prompt"].get<std::string>(), HasSubstr("put your final answer within \\boxed{}."));
  EXPECT_EQ(evaluate(sums).exit_code, 0);  // nothing to do
  EXPECT_EQ(qreason_command("grade '" + (scratch_.path() / "out").string() + "'").exit_code, 0);
  EXPECT_THAT(qreason_command("table '" + (scratch_.path() / "out").string() + "' --format csv").standard_output,
              HasSubstr("tiny,bf16,sums,accuracy,"));

  std::string changed = read_text_file(task);
  changed.replace(changed.find("Give the"), 8, "Say the");
  write("sums.toml", changed);
  fs::copy_file(testing::project_path("docs/tasks/sums.csv"), scratch_.path() / "sums.csv");
  result = evaluate("--tasks '" + (scratch_.path() / "sums.toml").string() + "' --seeds 1 --limit 2");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("dataset.task.prompt: "));
}

TEST_F(TaskCommands, RunTheProgramsOfTheDocumentation) {
  const fs::path task = testing::project_path("docs/tasks/words.toml");
  std::string shown;
  std::istringstream text(read_text_file(task));
  for (std::string line; std::getline(text, line);) shown += line.empty() ? "\n" : "    " + line + "\n";
  EXPECT_THAT(read_text_file(testing::project_path("docs/tasks.md")), HasSubstr(shown));
  QREASON_REQUIRE_SANDBOX();
  const CommandResult result = evaluate("--tasks '" + task.string() + "' --seeds 1 --test-seconds 1");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const std::vector<Json> all = lines("tiny-seed1/words.jsonl");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]["dataset"]["grading"]["test_seconds"], 1);
  EXPECT_EQ(all[0]["dataset"]["task"]["test_seconds"], 2);
  EXPECT_THAT(all[1]["gold"].get<std::string>(), ::testing::StartsWith("sha256 of tests: "));
  const std::string grade = "grade '" + (scratch_.path() / "out").string() + "'";
  EXPECT_EQ(qreason_command(grade).exit_code, 1) << "no data beside it";
  EXPECT_EQ(qreason_command(grade + " --data words='" + testing::project_path("docs/tasks/words.jsonl").string() + "'")
                .exit_code,
            0);
}

TEST_F(TaskCommands, Aime120AsksBothOfItsPartsAndIsAColumn) {
  const std::string rows90 = write("90.jsonl",
                                   "{\"problem\": \"a\", \"answer\": \"1\"}\n{\"problem\": \"b\", \"answer\": \"2\"}\n"
                                   "{\"problem\": \"c\", \"answer\": \"3\"}\n");
  const std::string rows25 = write("25.jsonl", "{\"problem\": \"d\", \"answer\": \"4\"}\n");
  const CommandResult result =
      evaluate("--tasks AIME-120 --seeds 1,2 --data AIME-90=" + rows90 + " --data AIME-2025=" + rows25);
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(lines("tiny-seed2/AIME-90.jsonl").size(), 4U);
  EXPECT_EQ(lines("tiny-seed2/AIME-2025.jsonl").size(), 2U);
  const std::string csv =
      qreason_command("table '" + (scratch_.path() / "out").string() + "' --format csv").standard_output;
  EXPECT_THAT(csv, HasSubstr("tiny,bf16,AIME-120,accuracy,"));
  const std::string help = qreason_command("evaluate --help").standard_output;
  EXPECT_TRUE(std::regex_search(help, std::regex("AIME-120\\s+\\(AIME-90\\s+and\\s+AIME-2025\\)"))) << help;
}

// Programs on a machine that makes no sandbox: bwrap, and setpriv in front of it, fail as they do there.
class UnsafeExecution : public TaskCommands {
 protected:
  void SetUp() override {
    TaskCommands::SetUp();
    for (const char* name : {"bwrap", "setpriv"}) {
      const fs::path fake = fs::path(scratch_.path()) / "bin" / name;
      fs::create_directories(fake.parent_path());
      write_file_atomic(fake, std::string("#!/bin/sh\ncase \" $0 $* \" in *bwrap*)\n"
                                          "  echo 'bwrap: No permissions to create new namespace' >&2; exit 1;; esac\n"
                                          "exec /usr/bin/") +
                                  name + " \"$@\"\n");
      fs::permissions(fake,
                      fs::perms::owner_all | fs::perms::group_all | fs::perms::others_read | fs::perms::others_exec);
    }
    data_ =
        " --data LiveCodeBench=" +
        write("l.jsonl", OrderedJson{{"question_id", "a"},
                                     {"question_content", "Double n."},
                                     {"starter_code", ""},
                                     {"public_test_cases", R"([{"input": "2", "output": "4", "testtype": "stdin"}])"},
                                     {"private_test_cases", "[]"},
                                     {"metadata", "{}"}}
                             .dump());
  }
  CommandResult without_sandbox(const std::string& arguments) const {
    return testing::run_command("PATH='" + (scratch_.path() / "bin").string() + ":'$PATH '" +
                                testing::qreason_binary() + "' " + arguments);
  }
  std::string arguments(const std::string& more) const {
    return "evaluate '" + (scratch_.path() / "tiny").string() + "' --max-tokens 3 -o '" +
           (scratch_.path() / "out").string() + "' --tasks LiveCodeBench --seeds 42 " + data_ + " " + more;
  }
  std::string data_;
};

TEST_F(UnsafeExecution, NamesWhatHelpsWhereSetprivIsMissing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root changes its user";
  const fs::path few = scratch_.path() / "few";
  fs::create_directories(few);
  const std::string link = "for name in bwrap python3; do ln -s \"$(command -v $name)\" '" + few.string() + "'; done; ";
  for (const char* more : {"", "--allow-unsafe-execution"}) {
    const CommandResult refused = testing::run_command(link + "PATH='" + few.string() + "' '" +
                                                       testing::qreason_binary() + "' " + arguments(more));
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.standard_error, HasSubstr("no setpriv"));
    EXPECT_THAT(refused.standard_error, HasSubstr("the package util-linux, or to be started by another user"));
    EXPECT_THAT(refused.standard_error, ::testing::Not(HasSubstr("allow-unsafe")));
  }
}

TEST_F(UnsafeExecution, IsAskedForRecordedAndShown) {
  const CommandResult refused = without_sandbox(arguments(""));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.standard_error, HasSubstr("the sandbox: bwrap: No permissions to create new namespace"));
  EXPECT_THAT(refused.standard_error, HasSubstr("or --allow-unsafe-execution"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "out"));

  const CommandResult unsafe = without_sandbox(arguments("--allow-unsafe-execution"));
  ASSERT_EQ(unsafe.exit_code, 0) << unsafe.standard_error;
  EXPECT_THAT(unsafe.standard_error, HasSubstr("warning: programs run without a sandbox"));
  EXPECT_EQ(lines("tiny-seed42/LiveCodeBench.jsonl")[0]["dataset"]["grading"]["sandbox"], "none");
  const std::string out = (scratch_.path() / "out").string();
  EXPECT_THAT(
      qreason_command("table '" + out + "'").standard_output,
      HasSubstr("Note: programs ran without a sandbox (--allow-unsafe-execution) and could have read the tests: "
                "tiny bf16 LiveCodeBench"));

  const CommandResult graded = without_sandbox("grade '" + out + "'" + data_);
  EXPECT_EQ(graded.exit_code, 0) << "no answer has a program: " << graded.standard_error;
  EXPECT_EQ(without_sandbox("grade '" + out + "' --allow-unsafe-execution" + data_).exit_code, 0);
}

TEST_F(UnsafeExecution, IsNotWhatMissingPackagesLeadTo) {
  QREASON_REQUIRE_SANDBOX();
  EXPECT_EQ(qreason_command(arguments("--test-packages /no/such/folder --allow-unsafe-execution")).exit_code, 2);
  const fs::path packages = scratch_.path() / "packages";
  fs::create_directories(packages / "extra-1.2.dist-info");
  fs::permissions(scratch_.path(), fs::perms::owner_all | fs::perms::others_exec | fs::perms::others_read);
  const CommandResult result =
      qreason_command(arguments("--allow-unsafe-execution --test-packages '" + packages.string() + "'"));
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const Json grading = lines("tiny-seed42/LiveCodeBench.jsonl")[0]["dataset"]["grading"];
  EXPECT_EQ(grading["packages"], Json({"extra-1.2"}));
  EXPECT_EQ(grading["sandbox"], "bubblewrap");
  EXPECT_THAT(qreason_command(arguments("")).standard_error, HasSubstr("dataset.grading.packages"));
}

TEST_F(UnsafeExecution, ChangesNothingWhereThereIsASandbox) {
  QREASON_REQUIRE_SANDBOX();
  ASSERT_EQ(without_sandbox(arguments("--allow-unsafe-execution")).exit_code, 0);
  const CommandResult mixed = qreason_command(arguments("--allow-unsafe-execution"));
  EXPECT_EQ(mixed.exit_code, 1);
  EXPECT_THAT(mixed.standard_error, HasSubstr("dataset.grading.sandbox: \"none\" in the file, \"bubblewrap\" now"));
  const CommandResult again = qreason_command(arguments("--allow-unsafe-execution --force"));
  ASSERT_EQ(again.exit_code, 0) << again.standard_error;
  EXPECT_THAT(again.standard_error, ::testing::Not(HasSubstr("without a sandbox")));
  EXPECT_EQ(lines("tiny-seed42/LiveCodeBench.jsonl")[0]["dataset"]["grading"]["sandbox"], "bubblewrap");
  EXPECT_EQ(qreason_command(arguments("")).exit_code, 0) << "the same run";
}

}  // namespace
}  // namespace qreason
