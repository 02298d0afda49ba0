// Tasks and their data as a user names them: evaluate, grade and table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
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

}  // namespace
}  // namespace qreason
