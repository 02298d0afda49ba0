#include "cli/study_jobs.h"

#include <gtest/gtest.h>

namespace qreason {
namespace {

constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

TEST(StudyJobs, AreOneForEachThreadOfSmallModels) {
  EXPECT_EQ(side_by_side_jobs({.threads = 8, .memory = 64 * kGiB, .model_bytes = 12 * kMiB}), 8);
  EXPECT_EQ(side_by_side_jobs({.threads = 1, .memory = 64 * kGiB, .model_bytes = 12 * kMiB}), 1);
}

TEST(StudyJobs, AreAsManyAsMemoryHolds) {
  // 1 GiB and six times 170.67 MiB, 1 GiB: 2 GiB a job.
  EXPECT_EQ(side_by_side_jobs({.threads = 8, .memory = 7 * kGiB, .model_bytes = kGiB / 6}), 3);
  EXPECT_EQ(side_by_side_jobs({.threads = 8, .memory = 100 * kMiB, .model_bytes = kGiB / 6}), 1);
}

TEST(StudyJobs, AreOneOfALargeModel) {
  EXPECT_EQ(side_by_side_jobs({.threads = 8, .memory = 512 * kGiB, .model_bytes = 300 * kMiB}), 1);
}

}  // namespace
}  // namespace qreason
