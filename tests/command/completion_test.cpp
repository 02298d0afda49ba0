// The completion script in the shell that it is for, and the manual page in the program that shows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/fixtures.h"

namespace qreason::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

bool have(const std::string& program) {
  return run_command("command -v " + program).exit_code == 0;
}

// What bash offers for the words of a command line, the last of which is being typed.
std::vector<std::string> offered(const std::vector<std::string>& words) {
  const ScratchFolder folder;
  std::ofstream script(folder.path() / "complete.bash");
  script << "source <(" << qreason_binary() << " completion --for bash)\nCOMP_WORDS=(";
  for (const std::string& word : words) script << " '" << word << "'";
  script << ")\nCOMP_CWORD=" << words.size() - 1 << "\n_qreason\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  script.close();
  const CommandResult result = run_command("bash " + (folder.path() / "complete.bash").string());
  EXPECT_EQ(result.standard_error, "");
  std::vector<std::string> lines;
  std::istringstream text(result.standard_output);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

TEST(Completion, OffersCommandsOptionsChoicesAndModels) {
  if (!have("bash")) GTEST_SKIP() << "no bash on this machine";
  EXPECT_EQ(offered({"qreason", "perp"}), std::vector<std::string>{"perplexity"});
  EXPECT_THAT(offered({"qreason", "evaluate", "--see"}), Contains("--seeds"));
  EXPECT_THAT(offered({"qreason", "evaluate", "--"}), Contains("--threads"));
  EXPECT_THAT(offered({"qreason", "table", "--"}), Not(Contains("--seeds")));
  EXPECT_EQ(offered({"qreason", "generate", "--dtype", "b"}), std::vector<std::string>{"bfloat16"});
  EXPECT_THAT(offered({"qreason", "inspect", "r1-distill-qwen-7"}), Contains("r1-distill-qwen-7b"));
}

TEST(Completion, OffersFilesWhereNothingElseFits) {
  if (!have("bash")) GTEST_SKIP() << "no bash on this machine";
  const ScratchFolder folder;
  std::ofstream(folder.path() / "model.gguf") << "";
  const std::string typed = (folder.path() / "mod").string();
  EXPECT_THAT(offered({"qreason", "inspect", typed}), Contains(typed + "el.gguf"));
}

TEST(Completion, SpeaksToFishAndZsh) {
  const CommandResult fish = run_command(qreason_binary() + " completion --for fish");
  EXPECT_THAT(fish.standard_output, HasSubstr("__fish_seen_subcommand_from evaluate' -l seeds -r -d "));
  if (have("fish")) {
    EXPECT_EQ(run_command(qreason_binary() + " completion --for fish | fish --no-execute").exit_code, 0);
  }
  const CommandResult zsh = run_command(qreason_binary() + " completion --for zsh");
  EXPECT_THAT(zsh.standard_output, HasSubstr("#compdef qreason\n"));
  if (have("zsh")) {
    EXPECT_EQ(run_command(qreason_binary() + " completion --for zsh | zsh -n").exit_code, 0);
  }
}

TEST(ManualPage, TellsOfEveryCommandAndIsFaultless) {
  const CommandResult page = run_command(qreason_binary() + " completion --for man");
  for (const char* command : {"quantize", "evaluate", "study", "doctor"}) {
    EXPECT_THAT(page.standard_output, HasSubstr(std::string("\n.SS ") + command + "\n"));
  }
  if (!have("groff")) GTEST_SKIP() << "no groff on this machine";
  const CommandResult shown =
      run_command(qreason_binary() + " completion --for man | groff -man -Tascii -ww -rCHECKSTYLE=0");
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_EQ(shown.standard_error, "");
  EXPECT_THAT(shown.standard_output, HasSubstr("1 failed, 2 wrong usage, 130 interrupted"));
}

}  // namespace
}  // namespace qreason::testing
