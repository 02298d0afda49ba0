// What a user sees on a terminal: widths, chats, Ctrl-C.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "support/fixtures.h"
#include "support/pseudo_terminal.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCtrlC = "\x03";

testing::CommandResult qreason(const std::string& arguments) {
  return testing::run_command("'" + testing::qreason_binary() + "' " + arguments);
}

// Bytes are columns here: the texts are ASCII but for an ellipsis, which is three bytes.
std::size_t columns_of(std::string line) {
  for (std::size_t at; (at = line.find("…")) != std::string::npos;) line.replace(at, 3, ".");
  return line.size();
}

void expect_narrow(const std::string& text, std::size_t columns, const std::string& what) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    EXPECT_LE(columns_of(line), columns) << what << ": " << line;
  }
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  std::istringstream help(qreason("--help").standard_output);
  for (std::string line; std::getline(help, line) && line != "Commands:";) {
  }
  for (std::string line; std::getline(help, line) && !line.empty();)
    if (line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
  return names;
}

TEST(NarrowTexts, EveryHelpFits80Columns) {
  expect_narrow(qreason("--help").standard_output, 80, "--help");
  ASSERT_GE(command_names().size(), 15U);
  for (const std::string& name : command_names()) {
    std::string help = qreason(name + " --help").standard_output;
    help.resize(help.find("\nExample:"));  // a command line is one line, whatever its length
    expect_narrow(help, 80, name);
  }
  expect_narrow(qreason("quantize gptq-w4g64 --help").standard_output, 80, "quantize gptq-w4g64");
}

TEST(NarrowTexts, ModelsHasANarrowAndAWideForm) {
  const testing::ScratchFolder store;
  fs::create_directories(store.path() / "a-model-with-a-name-that-is-too-long-for-a-column-of-a-narrow-table");
  std::ofstream(store.path() / "a-model-with-a-name-that-is-too-long-for-a-column-of-a-narrow-table/config.json")
      << "{}";
  fs::create_directories(store.path() / "smollm2-135m-instruct");
  std::ofstream(store.path() / "smollm2-135m-instruct/config.json") << "{}";
  ::setenv("QREASON_STORE", store.path().c_str(), 1);
  const std::string narrow = qreason("models").standard_output;
  const std::string wide = qreason("models --wide").standard_output;
  std::string table = narrow;
  table.erase(table.find("\nThe store is "), table.find('\n', table.find("\nThe store is ") + 1) -
                                                 table.find("\nThe store is "));  // a path is not cut
  expect_narrow(table, 80, "models");
  EXPECT_THAT(narrow, HasSubstr("r1-distill-qwen-1.5b"));
  EXPECT_THAT(narrow, HasSubstr("in the store"));
  EXPECT_THAT(narrow, HasSubstr("--wide"));
  EXPECT_THAT(wide, HasSubstr("Qwen2ForCausalLM"));
  EXPECT_THAT(wide, HasSubstr("run qreason pull r1-distill-qwen-1.5b"));
  EXPECT_THAT(wide, Not(HasSubstr("…")));
  if (testing::have_terminals()) {
    testing::PseudoTerminal terminal(300, {testing::qreason_binary(), "models"});
    EXPECT_EQ(terminal.finish(), 0);
    EXPECT_THAT(terminal.printed(), HasSubstr("Qwen2ForCausalLM"));
  }
  ::unsetenv("QREASON_STORE");
}

// A random model that answers for long, whatever it is asked.
class OnATerminal : public ::testing::Test {
 protected:
  void SetUp() override {
    QREASON_REQUIRE_TERMINAL();
    testing::write_tiny_chat_model(model());
    Json config = parse_json(read_text_file(model() / "config.json"), "config.json");
    config["max_position_embeddings"] = 50'000;
    write_file_atomic(model() / "config.json", config.dump());
  }
  fs::path model() const { return folder_.path() / "tiny"; }
  std::vector<std::string> chat() const {
    return {testing::qreason_binary(), "generate", model().string(), "--temperature", "0", "--max-tokens", "40000"};
  }
  testing::ScratchFolder folder_;
};

TEST_F(OnATerminal, CtrlCAtThePromptEndsTheChat) {
  testing::PseudoTerminal terminal(80, chat());
  ASSERT_TRUE(terminal.wait_for("> "));
  terminal.type("a question that is never asked");
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.finish(), 0);
  EXPECT_THAT(terminal.printed(), ::testing::EndsWith("\r\n"));
  EXPECT_THAT(terminal.printed(), Not(HasSubstr("error")));
}

TEST_F(OnATerminal, CtrlDAtThePromptEndsTheChat) {
  testing::PseudoTerminal terminal(80, chat());
  ASSERT_TRUE(terminal.wait_for("> "));
  terminal.type("\x04");
  EXPECT_EQ(terminal.finish(), 0);
}

TEST_F(OnATerminal, ALineThatIsNotUtf8EndsNothing) {
  testing::PseudoTerminal terminal(80, chat());
  ASSERT_TRUE(terminal.wait_for("> "));
  terminal.type("caf\xe9\n");
  ASSERT_TRUE(terminal.wait_for("not UTF-8")) << terminal.printed();
  ASSERT_TRUE(terminal.wait_for("> ")) << terminal.printed();
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.finish(), 0);
}

TEST_F(OnATerminal, CtrlCStopsAnAnswerAndTheChatGoesOn) {
  testing::PseudoTerminal terminal(80, chat());
  for (int turn = 0; turn < 2; ++turn) {
    ASSERT_TRUE(terminal.wait_for("> ")) << terminal.printed();
    terminal.type("Hello\n");
    ASSERT_TRUE(terminal.wait_for("Hello\r\n"));
    ::usleep(300'000);  // into the answer
    terminal.type(kCtrlC);
  }
  ASSERT_TRUE(terminal.wait_for("> ")) << terminal.printed();
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.finish(), 0);
}

TEST_F(OnATerminal, CtrlCEndsAnAnswerToAPromptOfTheCommandLine) {
  std::vector<std::string> command = chat();
  command.insert(command.end(), {"-p", "Hello"});
  testing::PseudoTerminal terminal(80, command);
  ASSERT_TRUE(terminal.wait_for_anything());  // the answer has begun
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.finish(), 130);
  EXPECT_THAT(terminal.printed(), HasSubstr("error: interrupted: "));
  EXPECT_THAT(terminal.printed(), Not(HasSubstr("same command")));
}

TEST_F(OnATerminal, AnInterruptedEvaluationShowsNarrowProgressAndSaysThatItGoesOn) {
  testing::PseudoTerminal terminal(
      60, {testing::qreason_binary(), "evaluate", model().string(), "--tasks", "steps-easy,steps-medium", "-o",
           (folder_.path() / "out").string(), "--max-tokens", "40000", "--temperature", "0"});
  ASSERT_TRUE(terminal.wait_for("evaluate tiny bf16: 0/3000 answers")) << terminal.printed();
  ASSERT_TRUE(terminal.wait_for("0:01 so far")) << terminal.printed();
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.finish(), 130);
  EXPECT_THAT(terminal.printed(), HasSubstr("the same command goes on from there"));
  for (const std::string& line : testing::drawn_lines(terminal.printed())) {
    if (line.starts_with("evaluate tiny")) {
      EXPECT_LT(columns_of(line), 60U);
    }
  }
}

}  // namespace
}  // namespace qreason
