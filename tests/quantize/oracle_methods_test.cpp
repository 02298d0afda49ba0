// SmoothQuant and KVQuant* against the golden numbers of the published reference implementation, with the tolerances of
// the oracle's README.
#include "quantize/block_in_work.h"
#include "quantize/golden_visit.h"
#include "quantize/passes/smooth_norms.h"

namespace qreason {
namespace {

using testing::FreeRun;
using testing::GoldenModel;
using testing::GoldenVisit;
using testing::largest_distance;
using testing::OracleCase;
using testing::RowDifferences;
using testing::SafetensorsReader;

template <class Kind>
const Kind& pass_of_kind(const Recipe& recipe, std::string_view kind) {
  for (const PassPointer& pass : recipe.passes) {
    if (pass_of(pass).kind() == kind) return *std::get<std::shared_ptr<const Kind>>(pass);
  }
  throw Error("test", std::string(kind), "a pass of the recipe");
}

Recipe calibrated(const OracleCase& one) {
  Recipe recipe = testing::recipe_of(one);
  recipe.calibration->length = 64;
  return recipe;
}

struct Smoothed {
  std::unique_ptr<Checkpoint> source;
  Statistics statistics;
  std::unique_ptr<WeightSource> view;
};

// The model as the rounding pass finds it.
Smoothed smoothed(const OracleCase& one, const Recipe& recipe, Executor& executor) {
  Smoothed result{.source = open_checkpoint(one.folder), .statistics = {}, .view = nullptr};
  CalibrationWalk walk(*result.source, testing::golden_tokens(one.folder, "calib"), {}, executor);
  ModelBehind behind(*result.source, {}, executor);
  for (std::int64_t layer = 0; layer < result.source->config().layers; ++layer) {
    const BlockWeights weights(*result.source, layer);
    BlockOnTrial block(weights, walk, behind, executor);
    pass_of_kind<StatisticsPass>(recipe, "measure_channels").look(block, result.statistics);
    block.leave();
  }
  result.view = pass_of_kind<ExactPass>(recipe, "smooth_norms").view(*result.source, result.statistics);
  return result;
}

TEST(OracleSmoothQuant, MeasuresAndScalesAsPublished) {
  Executor executor(2);
  int compared = 0;
  for (const OracleCase& one : testing::oracle_cases("smoothquant")) {
    if (one.name.ends_with("-tp2")) continue;  // recorded once a model
    SCOPED_TRACE(one.model);
    const Smoothed model = smoothed(one, calibrated(one), executor);
    SafetensorsReader golden(one.file);
    const auto expect_close = [&](std::span<const float> got, const std::string& name) {
      EXPECT_TRUE(testing::all_close(got, golden.read(name).as<float>(), {.relative = 2e-6})) << name;
      ++compared;
    };
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      const std::string prefix = "layers." + std::to_string(layer) + ".";
      for (const auto& [site, inputs] :
           {std::pair(Site::kAttentionInput, "qkv"), std::pair(Site::kMlpInput, "gate_up")}) {
        const std::vector<float>& maxima = model.statistics.at(channel_maxima_name(layer, name_of(site)));
        expect_close(maxima, prefix + "act_max." + inputs);
        const std::vector<double> scales = smoothing_scales(*model.source, layer, site, maxima, 0.85);
        expect_close(std::vector<float>(scales.begin(), scales.end()), prefix + "smooth." + inputs);
        const char* norm = site == Site::kAttentionInput ? kInputNorm : kPostNorm;
        const at::Tensor gain = model.view->tensor(block_tensor_name(layer, norm));
        expect_close({gain.const_data_ptr<float>(), static_cast<std::size_t>(gain.numel())}, prefix + norm);
      }
    }
  }
  if (compared == 0) GTEST_SKIP() << "test data absent: ../shared/oracle/*/smoothquant-*";
}

TEST(OracleSmoothQuant, RoundsStageByStageAndRunsWithGoldenWeights) {
  const auto cases = testing::oracle_cases("smoothquant");
  if (cases.empty()) GTEST_SKIP() << "test data absent: ../shared/oracle/*/smoothquant-*";
  Executor executor(2);
  for (const OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    const Recipe recipe = calibrated(one);
    const Smoothed model = smoothed(one, recipe, executor);
    const ModelPlan plan = validate(recipe, model.source->config());
    SafetensorsReader golden(one.file);
    CalibrationWalk walk(*model.view, testing::golden_tokens(one.folder, "calib"), {}, executor);
    int differing_rows = 0;
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      GoldenVisit visit(*model.view, plan, golden, walk, layer, executor);
      std::get<std::shared_ptr<const BlockPass>>(recipe.passes.back())->apply(visit);
      differing_rows += static_cast<int>(visit.all_.differing_rows);
    }
    const std::vector<float> want = golden.read("logits").as<float>();
    const std::vector<float> got = testing::logits_at_positions(GoldenModel(*model.view, plan, golden),
                                                                testing::golden_tokens(one.folder, "eval"), executor);
    EXPECT_LE(testing::mean_squared(got, want), 2e-4);
    EXPECT_LE(largest_distance(got, want), 0.2);
    RecordProperty(one.model + "." + one.name + ".differing_rows", differing_rows);
    RecordProperty(one.model + "." + one.name + ".mse", std::to_string(testing::mean_squared(got, want)));
    RecordProperty(one.model + "." + one.name + ".max", std::to_string(largest_distance(got, want)));
  }
}

TEST(OracleSmoothQuant, RunsFreelyToTheGoldenCodesAndLogits) {
  const auto cases = testing::oracle_cases("smoothquant");
  if (cases.empty()) GTEST_SKIP() << "test data absent: ../shared/oracle/*/smoothquant-*";
  Executor executor(2);
  for (const OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    testing::run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    const RowDifferences all = testing::compare_all_codes(run, golden);
    EXPECT_LE(static_cast<double>(all.flipped), 0.08 * static_cast<double>(all.codes));
    EXPECT_LE(all.largest, 5);
    const double distance = testing::mean_squared(run.logits, golden.read("logits").as<float>());
    EXPECT_LE(distance, std::min(1e-3, 0.5 * one.logits_mse_vs_float));
    RecordProperty(one.model + "." + one.name + ".flipped", static_cast<int>(all.flipped));
    RecordProperty(one.model + "." + one.name + ".mse", std::to_string(distance));
  }
}

TEST(OracleKvQuant, FindsTheGoldenRangesAndLogits) {
  const auto cases = testing::oracle_cases("kvquant_star");
  ASSERT_FALSE(cases.empty());
  Executor executor(2);
  for (const OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    testing::run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      const std::string prefix = "layers." + std::to_string(layer) + ".";
      const auto values = [&](std::string_view part) {
        const at::Tensor tensor = run.sink.tensors().at(site_tensor_name(layer, Site::kKey, part));
        const float* data = tensor.const_data_ptr<float>();
        return std::vector<float>(data, data + tensor.numel());
      };
      EXPECT_TRUE(testing::all_close(std::span<const float>(values(kStaticScale)),
                                     golden.read(prefix + "k_scale").as<float>(), {.relative = 1e-6}));
      EXPECT_EQ(values(kStaticZero), golden.read(prefix + "k_zero").as<float>());
    }
    const std::vector<float> want = golden.read("logits").as<float>();
    EXPECT_TRUE(testing::all_close(std::span<const float>(run.logits), want, {.absolute = 1e-4}));
    RecordProperty(one.model + "." + one.name + ".max", std::to_string(largest_distance(run.logits, want)));
  }
}

}  // namespace
}  // namespace qreason
