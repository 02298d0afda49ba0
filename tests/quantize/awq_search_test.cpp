// AWQ's search that leaves out what cannot win, against the whole one, and what it runs the MLP with.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "quantize/awq_bench.h"
#include "quantize/awq_scales.h"
#include "quantize/module_loss.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using testing::Bench;
using testing::recipe_of;

// On the blocks of a trained model: what is left out of beaten losses changes no scale, in no bit.
TEST(AwqScales, AreThoseOfTheWholeSearch) {
  const auto model = open_checkpoint(testing::project_path("models/steps-qwen2-1m"));
  std::int64_t beaten = 0;
  for (const char* method : {"awq-w4g64", "awq-w3g64", "awq-w2g32"}) {
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      Bench bench(*model, recipe_of(method), layer);
      for (const AwqGroup group : {AwqGroup::kQkv, AwqGroup::kGateUp, AwqGroup::kDown}) {
        SCOPED_TRACE(std::string(method) + " " + std::string(name_of(group)));
        const GroupScales got = search_scales(*bench.block, group, {});
        const GroupScales want = search_scales(*bench.block, group, {.judging = Judging::kToTheEnd});
        EXPECT_EQ(got.best, want.best);
        EXPECT_EQ(got.scales, want.scales);
        EXPECT_EQ(got.losses.front(), want.losses.front());
        EXPECT_EQ(got.losses[static_cast<std::size_t>(got.best)],
                  *std::min_element(want.losses.begin(), want.losses.end()));
        for (std::size_t r = 0; r < 20; ++r) {
          EXPECT_LE(got.losses[r], want.losses[r] * (1 + 1e-12)) << r;
          beaten += got.losses[r] < want.losses[r] * (1 - 1e-12) ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GT(beaten, 3 * 3 * 20) << "something is left out";
}

// Rows that the search compares with, in memory and in a file: the same losses, in no bit another.
TEST(AwqScales, AreTheSameWhereverRowsAreKept) {
  const auto model = open_checkpoint(testing::project_path("models/steps-qwen2-1m"));
  const testing::ScratchFolder folder;
  Bench in_memory(*model, recipe_of("awq-w3g64"), 1);
  Bench on_disk(*model, recipe_of("awq-w3g64"), 1, 200, {.memory_limit = 0, .spill_folder = folder.path()});
  for (const AwqGroup group : {AwqGroup::kQkv, AwqGroup::kGateUp}) {
    SCOPED_TRACE(name_of(group));
    const GroupScales want = search_scales(*in_memory.block, group, {}), got = search_scales(*on_disk.block, group, {});
    EXPECT_EQ(got.scales, want.scales);
    EXPECT_EQ(got.losses, want.losses);
  }
}

// Of few tokens by their rows and of many by the Gram matrix: what float64 products give, and parts of the outputs as
// all.
TEST(LinearChange, IsThatOfTheOutputs) {
  constexpr std::int64_t kOutputs = 21, kColumns = 40;
  Executor executor(2);
  for (const auto& lengths : {std::vector<std::int64_t>{1, 300, 231}, {500, 100}}) {
    const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
    SCOPED_TRACE(tokens);
    at::manual_seed(3);
    const at::Tensor before = at::randn({kOutputs, kColumns}), now = before + 0.01 * at::randn({kOutputs, kColumns});
    LinearChange change(kColumns, tokens);
    EXPECT_EQ(change.has_cheap_parts(), tokens == 532);
    std::vector<at::Tensor> rows;
    for (const std::int64_t length : lengths) {
      rows.push_back(at::randn({length, kColumns}));
      change.add({rows.back().const_data_ptr<float>(), length, kColumns, rows.back()}, executor);
    }
    change.finish(executor);
    EXPECT_EQ(change.tokens(), tokens);
    const at::Tensor want = at::matmul((now - before).to(at::kDouble), at::cat(rows).to(at::kDouble).t());
    const at::Tensor sums = want.square().sum(1);

    const std::vector<std::int64_t> some{20, 3, 4};
    std::vector<std::int64_t> all(kOutputs);
    std::iota(all.begin(), all.end(), 0);
    std::vector<double> found(kOutputs), parts(kOutputs, -1);
    change.of(before, now, all, found, executor);
    change.of(before, now, some, parts, executor);
    for (std::int64_t i = 0; i < kOutputs; ++i) {
      EXPECT_NEAR(found[i], sums[i].item<double>(), 1e-5 * sums[i].item<double>()) << i;
      EXPECT_EQ(parts[i], std::find(some.begin(), some.end(), i) == some.end() ? -1 : found[i]) << i;
    }
  }
}

// Any rows at once, the same bits as read() gives.
TEST(CalibrationWalk, ComputesTheMlpOfAnyRows) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 9);
  Bench bench(model, recipe_of("awq-w4g16"), 0, 20);
  BlockView& view = bench.block->original();
  const at::Tensor inputs = bench.rows(view, Tap::kMlpInput);
  const at::Tensor order = at::arange(inputs.size(0) - 1, -1, -3);
  const at::Tensor picked = inputs.index_select(0, order).contiguous();
  for (const Tap tap : {Tap::kMlpUpdate, Tap::kMlpMiddle}) {
    const at::Tensor want = bench.rows(view, tap).index_select(0, order);
    at::Tensor got = at::empty_like(want);
    view.compute_mlp(tap, picked, got);
    EXPECT_TRUE(got.equal(want));
  }
  EXPECT_THROW(view.compute_mlp(Tap::kKey, picked, picked), Error);
  EXPECT_THROW(view.compute_mlp(Tap::kMlpUpdate, picked.narrow(1, 0, 3), picked), Error);
}

}  // namespace
}  // namespace qreason
