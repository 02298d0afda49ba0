// What a device computes (quantize/tensors/) against the golden numbers of the published reference implementation, with
// the tolerances of the oracle's README. On the processor, whose bits another device has (foreign_device_test.cpp).
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "quantize/golden_visit.h"
#include "quantize/oracle_run.h"

namespace qreason {
namespace {

using testing::FreeRun;
using testing::OracleCase;
using testing::RowDifferences;
using testing::SafetensorsReader;

const at::Device kDevice = at::kCPU;

// Many small operations, which threads would wait for each other in.
class OracleOnADevice : public ::testing::Test {
 protected:
  OracleOnADevice() : threads_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OracleOnADevice() override { at::set_num_threads(threads_); }

 private:
  int threads_;
};

// At least 98 % of the rows of every linear are the golden ones, which are then in place for the next.
TEST_F(OracleOnADevice, GptqMatchesStageByStage) {
  Executor executor(1);
  for (const OracleCase& one : testing::oracle_cases("gptq")) {
    SCOPED_TRACE(one.model + " " + one.name);
    const auto source = open_checkpoint(one.folder);
    const Recipe recipe = testing::recipe_of(one);
    const ModelPlan plan = validate(recipe, source->config());
    SafetensorsReader golden(one.file);
    CalibrationWalk walk(*source, testing::golden_tokens(one.folder, "calib"), {.device = kDevice}, executor);
    for (std::int64_t layer = 0; layer < source->config().layers; ++layer) {
      testing::GoldenVisit visit(*source, plan, golden, walk, layer, executor);
      std::get<std::shared_ptr<const BlockPass>>(recipe.passes.back())->apply(visit);
    }
  }
}

struct FreeTolerance {
  const char* method;
  double flips;  // share of the codes
  double error;  // share of the case's own error
};

TEST_F(OracleOnADevice, MethodsRunFreelyToTheGoldenCodesAndLogits) {
  Executor executor(1);
  for (const FreeTolerance& own :
       {FreeTolerance{"gptq", 0.08, 0.15}, FreeTolerance{"awq", 0.01, 0.05}, FreeTolerance{"smoothquant", 0.08, 0.5}}) {
    for (const OracleCase& one : testing::oracle_cases(own.method)) {
      SCOPED_TRACE(one.model + " " + one.name);
      FreeRun run;
      testing::run_freely(one, executor, run, kDevice);
      EXPECT_EQ(run.report.at("device"), kDevice.str());
      SafetensorsReader golden(one.file);
      const RowDifferences all = testing::compare_all_codes(run, golden);
      EXPECT_LE(static_cast<double>(all.flipped), own.flips * static_cast<double>(all.codes));
      EXPECT_LE(testing::mean_squared(run.logits, golden.read("logits").as<float>()),
                own.error * one.logits_mse_vs_float);
      RecordProperty(one.model + "." + one.name + ".flipped", static_cast<int>(all.flipped));
    }
  }
}

TEST_F(OracleOnADevice, KvQuantFindsTheGoldenLogits) {
  Executor executor(1);
  for (const OracleCase& one : testing::oracle_cases("kvquant_star")) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    testing::run_freely(one, executor, run, kDevice);
    EXPECT_TRUE(testing::all_close(std::span<const float>(run.logits),
                                   SafetensorsReader(one.file).read("logits").as<float>(), {.absolute = 1e-4}));
  }
}

}  // namespace
}  // namespace qreason
