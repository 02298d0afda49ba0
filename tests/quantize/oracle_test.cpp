// RTN and GPTQ against the golden numbers of the published reference implementation, with the tolerances of the
// oracle's README: (A) every stage with the golden codes in place before it, (B) free runs.
#include <gtest/gtest.h>

#include "quantize/golden_visit.h"

namespace qreason {
namespace {

using testing::compare_codes;
using testing::FreeRun;
using testing::golden_matrix;
using testing::golden_name;
using testing::GoldenVisit;
using testing::mean_squared;
using testing::OracleCase;
using testing::recipe_of;
using testing::RowDifferences;
using testing::run_freely;
using testing::SafetensorsReader;

TEST(Oracle, GptqMatchesStageByStageWithGoldenCodesInPlace) {
  Executor executor(2);
  for (const OracleCase& one : testing::oracle_cases("gptq")) {
    SCOPED_TRACE(one.model + " " + one.name);
    const auto source = open_checkpoint(one.folder);
    const Recipe recipe = recipe_of(one);
    const ModelPlan plan = validate(recipe, source->config());
    SafetensorsReader golden(one.file);
    CalibrationWalk walk(*source, testing::golden_tokens(one.folder, "calib"), {}, executor);
    for (std::int64_t layer = 0; layer < source->config().layers; ++layer) {
      GoldenVisit visit(*source, plan, golden, walk, layer, executor);
      std::get<std::shared_ptr<const BlockPass>>(recipe.passes.back())->apply(visit);
      RecordProperty(one.model + "." + one.name + "." + std::to_string(layer) + ".differing_rows",
                     static_cast<int>(visit.all_.differing_rows));
    }
  }
}

TEST(Oracle, GptqRunsFreelyToTheGoldenCodesAndLogits) {
  Executor executor(2);
  for (const OracleCase& one : testing::oracle_cases("gptq")) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    const RowDifferences all = testing::compare_all_codes(run, golden);
    EXPECT_LE(static_cast<double>(all.flipped), 0.08 * static_cast<double>(all.codes));
    EXPECT_LE(all.largest, 5);
    const double distance = mean_squared(run.logits, golden.read("logits").as<float>());
    EXPECT_LE(distance, 0.15 * one.logits_mse_vs_float);
    RecordProperty(one.model + "." + one.name + ".flipped", static_cast<int>(all.flipped));
  }
}

// At most three groups of a model may lie one search step off, everything else is equal.
void expect_rtn_equal(const testing::MemorySink& sink, SafetensorsReader& golden, bool searched) {
  int other_groups = 0;
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const auto& got = std::get<QuantizedMatrix>(sink.linears().at(linear_name(layer, slot)).matrix);
      const QuantizedMatrix want = golden_matrix(golden, golden_name(layer, slot), got.format);
      ASSERT_EQ(got.groups, want.groups);
      for (std::size_t g = 0; g < want.scales.size(); ++g) {
        const double relative = std::abs(got.scales[g] / want.scales[g] - 1.0);
        if (relative <= 1e-6) continue;
        ++other_groups;
        EXPECT_LE(relative, 0.06);  // one of the steps 1.00, 0.99, .., 0.21
      }
      if (!searched) {
        EXPECT_EQ(got.codes, want.codes) << linear_name(layer, slot);
        EXPECT_EQ(got.zeros, want.zeros) << linear_name(layer, slot);
      } else {
        EXPECT_LE(compare_codes(got, want).differing_rows, 3) << linear_name(layer, slot);
      }
    }
  }
  EXPECT_LE(other_groups, searched ? 3 : 0);
}

TEST(Oracle, RtnEqualsTheGoldenCodesAndLogits) {
  Executor executor(2);
  for (const OracleCase& one : testing::oracle_cases("rtn")) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    const bool searched = one.name.ends_with("-mse");
    expect_rtn_equal(run.sink, golden, searched);
    EXPECT_TRUE(testing::all_close(std::span<const float>(run.logits), golden.read("logits").as<float>(),
                                   {.absolute = searched ? 5e-3 : 5e-5}));
  }
}

}  // namespace
}  // namespace qreason
