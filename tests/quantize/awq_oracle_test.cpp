// AWQ against the golden numbers of the published reference implementation, with the tolerances of the oracle's README:
// (A) every stage with what is golden before it in place, (B) free runs.
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <map>

#include "quantize/awq_clips.h"
#include "quantize/awq_scales.h"
#include "quantize/block_in_work.h"
#include "quantize/oracle_run.h"
#include "support/closeness.h"

namespace qreason {
namespace {

using testing::compare_codes;
using testing::golden_matrix;
using testing::golden_name;
using testing::OracleCase;
using testing::RowDifferences;
using testing::SafetensorsReader;

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

const BlockPass& block_pass(const Recipe& recipe, std::size_t index) {
  return *std::get<std::shared_ptr<const BlockPass>>(recipe.passes.at(index));
}

class GoldenBlock {
 public:
  GoldenBlock(SafetensorsReader& golden, BlockInWork& block, const Recipe& recipe)
      : golden_(golden), block_(block), recipe_(recipe) {}

  void compare_scales() {
    block_.begin(block_pass(recipe_, 0), {});
    std::vector<GroupScales> wanted;
    for (const AwqGroup group : kAwqGroups) {
      if (!has_scales(group, block_.config())) continue;
      SCOPED_TRACE(name_of(group));
      const std::string name = "layers." + std::to_string(block_.layer()) + ".scale." + std::string(name_of(group));
      const GroupScales got = search_scales(block_, group, {.judging = Judging::kToTheEnd});
      const auto want = golden_.read(name).as<float>(), losses = golden_.read(name + ".loss").as<float>();
      EXPECT_TRUE(testing::all_close(std::span<const float>(got.scales), want, {.relative = 1e-5}));
      EXPECT_EQ(got.best, golden_.read(name + ".ratio_index").as<std::int32_t>().at(0));
      ASSERT_EQ(got.losses.size(), losses.size());
      for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(got.losses[i] / losses[i], 1, 1e-3) << i;
      EXPECT_EQ(got.failed_ratios, 0);
      wanted.push_back(got);
      wanted.back().scales = want;
    }
    fold_scales(block_, wanted);
  }

  void compare_clips() {
    block_.begin(block_pass(recipe_, 1), {});
    std::map<Site, SampledRows> inputs;
    for (const Site site : kActivationSites) inputs[site] = sample_rows(block_, site, 512);
    for (const LinearSlot slot : kLinearSlots) {
      if (slot == LinearSlot::kQ || slot == LinearSlot::kK) continue;
      EXPECT_EQ(inputs.at(input_site(slot)).count, 512);
      compare_clip(slot, inputs.at(input_site(slot)));
    }
  }

  void compare_codes_of_all() {
    block_.begin(block_pass(recipe_, 2), {kLinearSlots.begin(), kLinearSlots.end()});
    block_pass(recipe_, 2).apply(block_);
    for (const LinearSlot slot : kLinearSlots) {
      const auto& matrix = std::get<QuantizedMatrix>(block_.linear(slot).matrix);
      const QuantizedMatrix want = golden_matrix(golden_, golden_name(block_.layer(), slot), matrix.format);
      EXPECT_TRUE(testing::all_close(std::span<const float>(matrix.scales), want.scales, {.relative = 1e-5}))
          << name_of(slot);
      codes.add(compare_codes(matrix, want));
    }
    for (const BlockNorm norm : {BlockNorm::kInput, BlockNorm::kPost}) {
      const auto want =
          golden_.read("layers." + std::to_string(block_.layer()) + "." + std::string(name_of(norm))).as<float>();
      EXPECT_TRUE(testing::all_close(values_of(block_.gain(norm)), want, {.relative = 1e-6})) << name_of(norm);
    }
  }

  RowDifferences codes;
  std::int64_t groups = 0, other_clips = 0;

 private:
  void compare_clip(LinearSlot slot, const SampledRows& inputs) {
    const at::Tensor weight = block_.weight(slot);
    GroupClips clips = search_clips(values_of(weight), inputs, block_.format(slot), {}, block_.executor());
    const auto want = golden_.read(golden_name(block_.layer(), slot) + ".clip").as<float>();
    ASSERT_EQ(clips.bounds.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) other_clips += std::abs(clips.bounds[i] / want[i] - 1) > 1e-5;
    groups += static_cast<std::int64_t>(want.size());
    clips.bounds = want;
    const at::Tensor kept = weight.clone();
    clamp_groups({kept.data_ptr<float>(), static_cast<std::size_t>(kept.numel())}, clips, block_.executor());
    block_.replace(slot, {.matrix = kept, .bias = block_.linear(slot).bias}, {});
  }

  SafetensorsReader& golden_;
  BlockInWork& block_;
  const Recipe& recipe_;
};

TEST(Oracle, AwqMatchesStageByStageWithGoldenScalesAndClipsInPlace) {
  Executor executor(2);
  for (const OracleCase& one : testing::oracle_cases("awq")) {
    SCOPED_TRACE(one.model + " " + one.name);
    const auto source = open_checkpoint(one.folder);
    const Recipe recipe = testing::recipe_of(one);
    const ModelPlan plan = validate(recipe, source->config());
    SafetensorsReader golden(one.file);
    CalibrationWalk walk(*source, testing::golden_tokens(one.folder, "calib"), {}, executor);
    RowDifferences codes;
    std::int64_t groups = 0, other_clips = 0;
    for (std::int64_t layer = 0; layer < source->config().layers; ++layer) {
      BlockInWork block(*source, {.quantized = plan, .transformed = source->plan()}, layer, {.original = &walk},
                        executor);
      GoldenBlock stages(golden, block, recipe);
      stages.compare_scales();
      stages.compare_clips();
      stages.compare_codes_of_all();
      codes.add(stages.codes);
      groups += stages.groups;
      other_clips += stages.other_clips;
      block.leave();
    }
    EXPECT_LE(static_cast<double>(other_clips), 0.03 * static_cast<double>(groups));
    EXPECT_LE(static_cast<double>(codes.flipped), 0.01 * static_cast<double>(codes.codes));
    RecordProperty(one.model + "." + one.name + ".other_clips", static_cast<int>(other_clips));
    RecordProperty(one.model + "." + one.name + ".flipped", static_cast<int>(codes.flipped));
  }
}

TEST(Oracle, AwqRunsFreelyToTheGoldenScalesAndLogits) {
  Executor executor(2);
  for (const OracleCase& one : testing::oracle_cases("awq")) {
    SCOPED_TRACE(one.model + " " + one.name);
    testing::FreeRun run;
    run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    RowDifferences codes;
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        const auto& matrix = std::get<QuantizedMatrix>(run.sink.linears().at(linear_name(layer, slot)).matrix);
        codes.add(compare_codes(matrix, golden_matrix(golden, golden_name(layer, slot), matrix.format)));
      }
      for (const char* norm : {kInputNorm, kPostNorm}) {
        const auto want = golden.read("layers." + std::to_string(layer) + "." + norm).as<float>();
        EXPECT_TRUE(testing::all_close(values_of(run.sink.tensors().at(block_tensor_name(layer, norm))), want,
                                       {.relative = 1e-5}));
      }
    }
    EXPECT_LE(static_cast<double>(codes.flipped), 0.01 * static_cast<double>(codes.codes));
    const double distance = testing::mean_squared(run.logits, golden.read("logits").as<float>());
    EXPECT_LE(distance, 0.05 * one.logits_mse_vs_float);
    RecordProperty(one.model + "." + one.name + ".flipped", static_cast<int>(codes.flipped));
    RecordProperty(one.model + "." + one.name + ".distance_percent",
                   std::to_string(100 * distance / one.logits_mse_vs_float));
  }
}

}  // namespace
}  // namespace qreason
