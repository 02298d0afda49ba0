#include "base/parallel.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

TEST(ThreadPool, RunsEveryTaskOnceWithAnyNumberOfThreads) {
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 3, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      pool.run(count, [&](std::int64_t i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& call : calls) EXPECT_EQ(call.load(), 1);
    }
  }
}

TEST(ThreadPool, GivesTheSameResultsWithAnyNumberOfThreads) {
  const auto compute = [](int threads) {
    ThreadPool pool(threads);
    std::vector<double> sums(64);
    pool.run(64, [&](std::int64_t i) {
      for (int k = 1; k < 2000; ++k) sums[static_cast<std::size_t>(i)] += 1.0 / static_cast<double>(k + i);
    });
    return sums;
  };
  const auto want = compute(1);
  for (int threads = 2; threads <= 4; ++threads) EXPECT_EQ(compute(threads), want);
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      EXPECT_THROW(pool.run(100,
                            [](std::int64_t i) {
                              if (i % 10 == 3) throw std::runtime_error("task");
                            }),
                   std::runtime_error);
      std::atomic<int> calls{0};
      pool.run(100, [&](std::int64_t) { ++calls; });
      EXPECT_EQ(calls.load(), 100);
    }
  }
}

TEST(ThreadPool, FinishesTheOtherTasksBeforeItRethrows) {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  EXPECT_THROW(pool.run(50,
                        [&](std::int64_t i) {
                          if (i == 0) throw std::runtime_error("first");
                          ++done;
                        }),
               std::runtime_error);
  EXPECT_EQ(done.load(), 49);
}

TEST(ThreadPool, RunsNestedCallsSerially) {
  ThreadPool pool(4);
  std::vector<int> totals(20);
  pool.run(20, [&](std::int64_t i) {
    const auto outer = std::this_thread::get_id();
    pool.run(10, [&](std::int64_t k) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      totals[static_cast<std::size_t>(i)] += static_cast<int>(k);
    });
  });
  for (const int total : totals) EXPECT_EQ(total, 45);
  EXPECT_THROW(pool.run(4, [&](std::int64_t) { pool.run(2, [](std::int64_t) { throw std::runtime_error("inner"); }); }),
               std::runtime_error);
}

TEST(ThreadPool, TellsItsWorkersApart) {
  ThreadPool pool(3), other(2);
  EXPECT_EQ(pool.worker(), 0);
  std::array<std::atomic<int>, 3> inside{};
  pool.run(3000, [&](std::int64_t) {
    const auto worker = static_cast<std::size_t>(pool.worker());
    ASSERT_LT(worker, inside.size());
    EXPECT_EQ(++inside[worker], 1) << "two tasks at once as one worker";
    EXPECT_EQ(other.worker(), 0);
    pool.run(2, [&](std::int64_t) { EXPECT_EQ(static_cast<std::size_t>(pool.worker()), worker); });
    --inside[worker];
  });
  EXPECT_EQ(pool.worker(), 0);
}

TEST(ThreadPool, ServesCallersOnSeveralThreads) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) pool.run(5, [&](std::int64_t) { ++calls; });
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(calls.load(), 4 * 200 * 5);
}

TEST(ThreadPool, NeedsAThread) {
  EXPECT_THROW(ThreadPool(0), Error);
}

}  // namespace
}  // namespace qreason
