// RTN and GPTQ against the golden numbers of the published reference implementation, with the tolerances of the
// oracle's README: (A) every stage with the golden codes in place before it, (B) free runs.
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "quantize/block_visit.h"
#include "quantize/block_weights.h"
#include "quantize/calibration_walk.h"
#include "quantize/oracle_run.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using testing::compare_codes;
using testing::FreeRun;
using testing::golden_matrix;
using testing::golden_name;
using testing::mean_squared;
using testing::OracleCase;
using testing::recipe_of;
using testing::RowDifferences;
using testing::run_freely;
using testing::SafetensorsReader;

// A pass sees the float model; what it makes of a linear is compared with the golden matrix, which then takes its
// place.
class GoldenVisit : public BlockVisit {
 public:
  GoldenVisit(const WeightSource& source, const ModelPlan& plan, SafetensorsReader& golden, CalibrationWalk& walk,
              std::int64_t layer, Executor& executor)
      : source_(source),
        plan_(plan),
        golden_(golden),
        walk_(walk),
        layer_(layer),
        executor_(executor),
        weights_(source, layer) {
    walk_.enter(weights_, layer);
  }
  ~GoldenVisit() override { walk_.leave(); }

  std::int64_t layer() const override { return layer_; }
  const ModelConfig& config() const override { return source_.config(); }
  Executor& executor() override { return executor_; }
  std::int64_t sequences() const override { return walk_.sequences(); }
  const at::Tensor& gain(BlockNorm norm) const override { return weights_.gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_.linear(slot); }
  const std::vector<LinearSlot>& to_round() const override { return all_linears_; }
  bool is_rounded(LinearSlot) const override { return true; }
  void try_matrix(LinearSlot slot, at::Tensor) override { ADD_FAILURE() << name_of(slot) << " tried by GPTQ"; }
  void withdraw() override {}
  const QuantFormat& format(LinearSlot slot) const override { return plan_.blocks.front().weights.at(slot); }
  BlockView& original() override { throw Error("golden visit", "the float block", "no pass here asks for it"); }

  // The diagonal of the Hessian, as the last sequence is read, is compared with the golden one.
  ActivationRows read(Tap tap, std::int64_t sequence) override {
    if (sequence == 0) diagonal_.clear();
    const ActivationRows rows = walk_.read(tap, sequence);
    diagonal_.resize(static_cast<std::size_t>(rows.width));
    for (std::int64_t i = 0; i < rows.count * rows.width; ++i) {
      diagonal_[i % rows.width] += 2.0 / static_cast<double>(sequences()) * rows.data[i] * rows.data[i];
    }
    if (sequence + 1 == sequences()) compare_diagonal(tap);
    return rows;
  }

  void replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) override {
    const QuantizedMatrix want = golden_matrix(golden_, golden_name(layer_, slot), format(slot));
    const auto& matrix = std::get<QuantizedMatrix>(weight.matrix);
    ASSERT_EQ(matrix.groups, want.groups) << name_of(slot);
    const RowDifferences differences = compare_codes(matrix, want);
    EXPECT_LE(differences.differing_rows, differences.rows * 2 / 100) << name_of(slot) << " of block " << layer_;
    EXPECT_EQ(report.counts.at("damping_retries"), 0);
    all_.add(differences);
    walk_.replace(slot, LinearWeight{.matrix = want, .bias = weight.bias});
  }

  void replace_gain(BlockNorm norm, at::Tensor) override { ADD_FAILURE() << name_of(norm) << ", which GPTQ leaves"; }

  RowDifferences all_;

 private:
  const std::vector<LinearSlot> all_linears_{kLinearSlots.begin(), kLinearSlots.end()};

  void compare_diagonal(Tap tap) {
    static const std::map<Tap, LinearSlot> kRecordedUnder{{Tap::kAttentionInput, LinearSlot::kQ},
                                                          {Tap::kAttentionOutput, LinearSlot::kO},
                                                          {Tap::kMlpInput, LinearSlot::kGate},
                                                          {Tap::kMlpMiddle, LinearSlot::kDown}};
    const LinearSlot slot = kRecordedUnder.at(tap);
    const std::vector<float> got(diagonal_.begin(), diagonal_.end());
    const auto want = golden_.read(golden_name(layer_, slot) + ".hessian_diag").as<float>();
    EXPECT_TRUE(testing::all_close(std::span<const float>(got), want, {.relative = 1e-5})) << name_of(slot);
  }

  const WeightSource& source_;
  const ModelPlan& plan_;
  SafetensorsReader& golden_;
  CalibrationWalk& walk_;
  std::int64_t layer_;
  Executor& executor_;
  BlockWeights weights_;
  std::vector<double> diagonal_;
};

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
    RowDifferences all;
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        const auto& matrix = std::get<QuantizedMatrix>(run.sink.linears().at(linear_name(layer, slot)).matrix);
        all.add(compare_codes(matrix, golden_matrix(golden, golden_name(layer, slot), matrix.format)));
      }
    }
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
