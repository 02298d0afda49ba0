// Grading beside the work that brings the answers: nothing waits for a grader, nothing is lost.
#include "eval/grading_queue.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/error.h"

namespace qreason {
namespace {

std::atomic<bool> may_grade{true};
std::atomic<int> begun{0};

// Right when the text is the gold; waits for `may_grade`, throws for the text "broken".
Grade patient_grader(std::string_view text, const Problem& problem) {
  ++begun;
  while (!may_grade) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (text == "broken") throw Error("grader", "broken");
  return {text == problem.gold, std::string(text)};
}

GradingJob job(std::int64_t id, const std::string& text, const Problem& problem) {
  return {Completion{.id = id, .full_prompt = {}, .text = text, .finish_reason = "stop"}, patient_grader, &problem};
}

TEST(GradingQueue, GivesEveryAnswerBackWithItsGrade) {
  const Problem problem{.id = "1", .question = "", .gold = "7", .fields = {}};
  for (const int threads : {1, 4}) {
    GradingQueue queue(threads);
    for (std::int64_t i = 0; i < 100; ++i) queue.submit(job(i, fmt::format("{}", i % 10), problem));
    std::set<std::int64_t> seen;
    while (const auto graded = queue.wait()) {
      const std::int64_t id = graded->completion.id;
      EXPECT_TRUE(seen.insert(id).second);
      EXPECT_EQ(graded->grade.correct, id % 10 == 7);
      EXPECT_EQ(graded->completion.text, fmt::format("{}", id % 10));
    }
    EXPECT_EQ(seen.size(), 100U);
    EXPECT_FALSE(queue.poll());
  }
}

TEST(GradingQueue, DoesNotKeepTheSubmitterWaiting) {
  const Problem problem{.id = "1", .question = "", .gold = "7", .fields = {}};
  GradingQueue queue(1);
  may_grade = false;
  begun = 0;
  queue.submit(job(0, "7", problem));
  while (begun == 0) std::this_thread::yield();
  queue.submit(job(1, "8", problem));
  EXPECT_FALSE(queue.poll());
  may_grade = true;
  EXPECT_EQ(queue.wait()->completion.id, 0);
  EXPECT_EQ(queue.wait()->completion.id, 1);
  EXPECT_FALSE(queue.wait());
}

TEST(GradingQueue, ThrowsWhatAGraderThrewInPlaceOfItsResult) {
  const Problem problem{.id = "1", .question = "", .gold = "7", .fields = {}};
  GradingQueue queue(1);
  queue.submit(job(0, "broken", problem));
  queue.submit(job(1, "7", problem));
  EXPECT_THROW(queue.wait(), Error);
  EXPECT_EQ(queue.wait()->completion.id, 1);
  EXPECT_FALSE(queue.wait());
}

TEST(GradingQueue, EndsWithWorkLeft) {
  const Problem problem{.id = "1", .question = "", .gold = "7", .fields = {}};
  GradingQueue queue(2);
  for (std::int64_t i = 0; i < 50; ++i) queue.submit(job(i, "7", problem));
}

}  // namespace
}  // namespace qreason
