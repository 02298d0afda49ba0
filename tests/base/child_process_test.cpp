// Programs that are run to their end.
#include "base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kSoon{60};

ProgramRun shell(const std::string& script, std::string_view input = "") {
  return run_program({"/bin/sh", "-c", script}, input, kSoon);
}

TEST(ChildProcess, GivesOutputMessagesAndCode) {
  const ProgramRun run = shell("cat; echo no >&2; exit 3", "given");
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.output, "given");
  EXPECT_EQ(run.messages, "no\n");
  EXPECT_EQ(shell("kill -9 $$").exit_code, 128 + 9);
}

TEST(ChildProcess, MoreThanAPipeHolds) {
  const std::string large(std::size_t{1} << 22, 'x');
  EXPECT_EQ(shell("cat", large).output, large);
  EXPECT_EQ(shell("true", large).exit_code, 0);  // not read
}

TEST(ChildProcess, GetsNothingOfOurs) {
  ::setenv("QREASON_TEST_SECRET", "open", 1);
  EXPECT_THAT(shell("env").output, Not(HasSubstr("open")));
  ::unsetenv("QREASON_TEST_SECRET");
  EXPECT_EQ(shell("ls /proc/self/fd | wc -l").output, "4\n");  // 0, 1, 2, and that of the folder
}

TEST(ChildProcess, WordsAreNoShells) {
  EXPECT_EQ(run_program({"/bin/echo", "$HOME; `id`"}, "", kSoon).output, "$HOME; `id`\n");
}

TEST(ChildProcess, ThatTakesTooLongIsKilled) {
  EXPECT_THROW(run_program({"/bin/sleep", "1000"}, "", std::chrono::seconds(0)), Error);
}

TEST(ChildProcess, ThatDoesNotStartIsAnError) {
  EXPECT_THROW(run_program({"/nowhere/program"}, "", kSoon), Error);
}

TEST(FindProgram, LooksInThePath) {
  EXPECT_TRUE(find_program("sh").has_value());
  EXPECT_FALSE(find_program("no-such-program-of-ours").has_value());
  EXPECT_FALSE(find_program("").has_value());
}

}  // namespace
}  // namespace qreason
