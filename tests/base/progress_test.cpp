#include "base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <csignal>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// Under a test stderr is no terminal.
class ProgressLines : public ::testing::Test {
 protected:
  void TearDown() override { set_verbosity(Verbosity::kNormal); }
};

TEST_F(ProgressLines, SayWhatWasReachedAtTheEnd) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("gptq", 24, "blocks");
    for (int i = 0; i < 24; ++i) progress.add(1);
    progress.finish("loss 0.5");
    progress.finish();
  }
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, MatchesRegex("gptq: 24/24 blocks, [0-9]+ blocks/s, 0:00 in all, loss 0.5\n"));
}

TEST_F(ProgressLines, LeaveWhatWasReachedWhenTheWorkFails) {
  ::testing::internal::CaptureStderr();
  try {
    Progress progress("generate", 0, "tokens");
    progress.set(7);
    throw Error("work", "failed");
  } catch (const Error&) {
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("generate: 7 tokens"));
}

TEST_F(ProgressLines, DoNotCountResumedWorkTowardsTheRate) {
  ::testing::internal::CaptureStderr();
  Progress progress("gptq", 24, "blocks");
  progress.resume_at(20);
  progress.finish();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("gptq: 20/24 blocks, 0:00 in all\n"));
}

TEST_F(ProgressLines, ObeyTheVerbosity) {
  const auto printed_with = [](Verbosity chosen) {
    set_verbosity(chosen);
    ::testing::internal::CaptureStderr();
    {
      Progress progress("work", 1, "steps");
      progress.add(1);
      progress.finish();
    }
    log_line("a line");
    log_verbose("a detail");
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(printed_with(Verbosity::kQuiet), "");
  EXPECT_THAT(printed_with(Verbosity::kNormal), HasSubstr("in all\na line\n"));
  EXPECT_THAT(printed_with(Verbosity::kNormal), ::testing::Not(HasSubstr("a detail")));
  EXPECT_THAT(printed_with(Verbosity::kVerbose), HasSubstr("a line\na detail\n"));
}

// What a child process that has a terminal for its stderr prints there.
template <class Work>
std::string printed_on_a_terminal(Work&& work) {
  int master = -1;
  const pid_t child = ::forkpty(&master, nullptr, nullptr, nullptr);
  if (child == 0) {
    work();
    ::_exit(0);
  }
  std::string printed;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(master, buffer, sizeof buffer)) > 0;) {
    printed.append(buffer, static_cast<std::size_t>(got));
  }
  ::waitpid(child, nullptr, 0);
  ::close(master);
  return printed;
}

bool have_terminals() {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master >= 0) ::close(master);
  return master >= 0;
}

TEST(ProgressOnATerminal, RedrawsOneLineAndKeepsMessagesApartFromIt) {
  if (!have_terminals()) GTEST_SKIP() << "no pseudo-terminals here (/dev/pts is not mounted)";
  const std::string printed = printed_on_a_terminal([] {
    Progress progress("generate", 4, "answers");
    for (int i = 0; i < 3; ++i) {
      ::usleep(120000);  // redrawn at most ten times a second
      progress.add(1);
    }
    log_line("a message");
    progress.add(1);
    progress.finish();
  });
  // Every redraw returns to the start of the line and clears it; the terminal turns \n into \r\n.
  EXPECT_THAT(printed, HasSubstr("\r\033[Kgenerate: 1/4 answers, "));
  EXPECT_THAT(printed, HasSubstr(" left\r\033[Kgenerate: 2/4 answers, "));
  EXPECT_THAT(printed, HasSubstr("\r\033[Ka message\r\n"));
  EXPECT_THAT(printed, HasSubstr("generate: 4/4 answers, "));
  EXPECT_THAT(printed, ::testing::EndsWith(" in all\r\n"));
}

TEST(InterruptDeathTest, IsNoticedOnceAndTheSecondOneEndsTheProcess) {
  EXPECT_NO_THROW(check_interrupt());
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        std::raise(SIGINT);
        try {
          check_interrupt();
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::kInterrupted) std::raise(SIGINT);
        }
      },
      ::testing::KilledBySignal(SIGINT), "");
  EXPECT_NO_THROW(check_interrupt());
}

}  // namespace
}  // namespace qreason
