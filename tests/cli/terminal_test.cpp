#include "cli/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/text_width.h"
#include "support/pseudo_terminal.h"

namespace qreason {
namespace {

using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

// Under a test stderr is no terminal.
class ProgressLines : public ::testing::Test {
 protected:
  void TearDown() override { set_verbosity(Verbosity::kNormal); }
};

TEST_F(ProgressLines, SayWhatWasReachedAtTheEnd) {
  ::testing::internal::CaptureStderr();
  {
    const auto progress = terminal_progress().begin({.what = "gptq", .unit = "blocks", .total = 24});
    for (int i = 1; i <= 24; ++i) progress->update({.done = i, .note = i == 24 ? "loss 0.5" : ""});
    progress->finish();
    progress->finish();
  }
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(printed, MatchesRegex("gptq: 24/24 blocks, [0-9]+ blocks/s, 0:00 in all, loss 0.5\n"));
}

TEST_F(ProgressLines, LeaveWhatWasReachedWhenTheWorkFails) {
  ::testing::internal::CaptureStderr();
  try {
    const auto progress = terminal_progress().begin({.what = "generate", .unit = "tokens"});
    progress->update({.done = 7});
    throw Error("work", "failed");
  } catch (const Error&) {
  }
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("generate: 7 tokens"));
}

TEST_F(ProgressLines, DoNotCountResumedWorkTowardsTheRate) {
  ::testing::internal::CaptureStderr();
  const auto progress = terminal_progress().begin({.what = "gptq", .unit = "blocks", .total = 24});
  progress->resume_at(20);
  progress->finish();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("gptq: 20/24 blocks, 0:00 in all\n"));
}

TEST_F(ProgressLines, AppearWithinASecondAlsoWhereNothingIsFinished) {
  ::testing::internal::CaptureStderr();
  const auto progress = terminal_progress().begin({.what = "gptq", .unit = "blocks", .total = 24});
  ::usleep(1'500'000);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "gptq: 0/24 blocks, 0:01 so far\n");
}

TEST_F(ProgressLines, ObeyTheVerbosity) {
  const auto printed_with = [](Verbosity chosen) {
    set_verbosity(chosen);
    ::testing::internal::CaptureStderr();
    {
      const auto progress = terminal_progress().begin({.what = "work", .unit = "steps", .total = 1});
      progress->update({.done = 1});
      progress->finish();
    }
    log_line("a line");
    log_verbose("a detail");
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(printed_with(Verbosity::kQuiet), "");
  EXPECT_THAT(printed_with(Verbosity::kNormal), HasSubstr("in all\na line\n"));
  EXPECT_THAT(printed_with(Verbosity::kNormal), Not(HasSubstr("a detail")));
  EXPECT_THAT(printed_with(Verbosity::kVerbose), HasSubstr("a line\na detail\n"));
}

TEST_F(ProgressLines, WarningsAreOneLineWithoutControlCharacters) {
  ::testing::internal::CaptureStderr();
  log_warning("config.json: the key \"a\x1b[2J\"\nis not used");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: config.json: the key \"a\\x1b[2J\" is not used\n");
}

ProgressReading reading_of(const std::string& what) {
  return {.task = {.what = what, .unit = "answers", .total = 1500},
          .done = 312,
          .seconds = 40,
          .rate = 7.8,
          .left = 152,
          .phase = ProgressReading::Phase::kRunning,
          .note = "201/312 right"};
}

TEST(ProgressLine, LeavesOutWhatHasNoRoomAndKeepsCountAndTime) {
  const auto reading = reading_of("evaluate steps-qwen2-3m gptq-w4g64");
  EXPECT_EQ(progress_line(reading, 120),
            "evaluate steps-qwen2-3m gptq-w4g64: 312/1500 answers, 7.80 answers/s, 2:32 left, 201/312 right");
  EXPECT_EQ(progress_line(reading, 80),
            "evaluate steps-qwen2-3m gptq-w4g64: 312/1500 answers, 7.80 answers/s, 2:32 left");
  EXPECT_EQ(progress_line(reading, 78), "evaluate steps-qwen2-3m gptq-w4g64: 312/1500 answers, 2:32 left");
  EXPECT_EQ(progress_line(reading, 50), "evaluate s…gptq-w4g64: 312/1500 answers, 2:32 left");
  EXPECT_EQ(progress_line(reading, 20), "eva…4g64: 312/1500 …");
}

TEST(ProgressLine, CountsColumnsNotBytes) {
  const auto reading = reading_of("評価 模型模型模型模型模型模型模型模型模型模型模型模型模型模型");
  for (std::size_t columns = 0; columns < 130; ++columns)
    EXPECT_LE(display_width(progress_line(reading, columns)), columns) << progress_line(reading, columns);
}

TEST(ProgressLine, SaysTheTimeSoFarWhereTheTimeLeftIsNotKnown) {
  auto reading = reading_of("evaluate a");
  reading.rate.reset();
  reading.left.reset();
  reading.done = 0;
  EXPECT_EQ(progress_line(reading, 60), "evaluate a: 0/1500 answers, 0:40 so far, 201/312 right");
}

TEST(ProgressOnATerminal, RedrawsOneLineAndKeepsMessagesApartFromIt) {
  QREASON_REQUIRE_TERMINAL();
  testing::PseudoTerminal terminal(80, [] {
    const auto progress = terminal_progress().begin({.what = "generate", .unit = "answers", .total = 4});
    for (int i = 1; i <= 3; ++i) {
      ::usleep(120000);  // redrawn at most ten times a second
      progress->update({.done = i});
    }
    log_line("a message");
    progress->update({.done = 4});
    progress->finish();
  });
  EXPECT_EQ(terminal.finish(), 0);
  // Every redraw returns to the start of the line and clears it; the terminal turns \n into \r\n.
  EXPECT_THAT(terminal.printed(), StartsWith("\r\033[Kgenerate: 0/4 answers, 0:00 so far"));
  EXPECT_THAT(terminal.printed(), HasSubstr("\r\033[Kgenerate: 1/4 answers, "));
  EXPECT_THAT(terminal.printed(), HasSubstr(" left\r\033[Kgenerate: 2/4 answers, "));
  EXPECT_THAT(terminal.printed(), HasSubstr("\r\033[Ka message\r\n"));
  EXPECT_THAT(terminal.printed(), HasSubstr("generate: 4/4 answers, "));
  EXPECT_THAT(terminal.printed(), EndsWith(" in all\r\n"));
}

TEST(ProgressOnATerminal, IsNeverWiderThanTheTerminal) {
  QREASON_REQUIRE_TERMINAL();
  testing::PseudoTerminal terminal(40, [] {
    const auto progress = terminal_progress().begin(
        {.what = "evaluate a-model-with-a-long-name gptq-w4g128", .unit = "answers", .total = 500});
    for (int i = 1; i <= 3; ++i) {
      ::usleep(120000);
      progress->update({.done = i, .note = "1/1 right and much more to say about it"});
    }
    progress->finish();
  });
  EXPECT_EQ(terminal.finish(), 0);
  const auto lines = testing::drawn_lines(terminal.printed());
  EXPECT_GE(lines.size(), 4U);
  for (const std::string& line : lines) EXPECT_LT(display_width(line), 40U) << line;
  EXPECT_THAT(lines, Each(HasSubstr("/500 answers, ")));
}

TEST(ProgressOnATerminal, TellsThatItIsThereWhileNothingIsFinished) {
  QREASON_REQUIRE_TERMINAL();
  testing::PseudoTerminal terminal(80, [] {
    const auto progress = terminal_progress().begin({.what = "quantize", .unit = "blocks", .total = 2});
    ::usleep(1'700'000);
  });
  EXPECT_TRUE(terminal.wait_for("quantize: 0/2 blocks, 0:01 so far"));
  EXPECT_EQ(terminal.finish(), 0);
  EXPECT_THAT(terminal.printed(), EndsWith("\r\033[K"));  // nothing was reached, nothing stays
}

// Answers that finish first are the short ones: a tenth of them may be a hundredth of the work.
TEST(ProgressOnATerminal, TakesTheTimeLeftFromTheWorkWhereItIsTold) {
  QREASON_REQUIRE_TERMINAL();
  testing::PseudoTerminal terminal(80, [] {
    const auto progress = terminal_progress().begin({.what = "evaluate", .unit = "answers", .total = 10});
    ::usleep(200'000);
    progress->update({.done = 1, .work = ProgressWork{.done = 1, .left = 99}});
    ::usleep(100'000);
  });
  EXPECT_EQ(terminal.finish(), 0);
  EXPECT_THAT(terminal.printed(), HasSubstr("evaluate: 1/10 answers, "));
  EXPECT_THAT(terminal.printed(),
              ::testing::ContainsRegex("(0:[1-9][0-9]|[1-9][0-9]*:[0-9][0-9]) left"));  // 0.2 s / 1 * 99, not * 9
}

}  // namespace
}  // namespace qreason
