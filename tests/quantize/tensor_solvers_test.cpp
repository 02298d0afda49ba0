// The solvers in tensor operations against those on the processor's kernels, on the same inputs.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "formats/quantized_matrix.h"
#include "model/tensor_quantizer.h"
#include "quantize/awq_bench.h"
#include "quantize/awq_clips.h"
#include "quantize/gptq_solver.h"
#include "quantize/tensors/tensor_awq.h"
#include "support/random_model.h"

namespace qreason {
namespace {

std::span<const float> values_of(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<float>(), static_cast<std::size_t>(matrix.numel())};
}

at::Tensor decoded(const at::Tensor& weights, const QuantFormat& format) {
  return LinearWeight{.matrix = round_to_nearest(values_of(weights), weights.size(0), weights.size(1), format)}
      .dense_float32();
}

// A matrix with a group of zeros, one of equal numbers and one of large ones.
at::Tensor weights_of(std::uint64_t seed) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama), seed);
  at::Tensor weights = model.linear(linear_name(0, LinearSlot::kGate)).dense_float32().clone();
  weights.slice(1, 0, 16).slice(0, 0, 1).fill_(0);
  weights.slice(1, 16, 32).slice(0, 1, 2).fill_(0.25);
  weights.slice(1, 32, 48).slice(0, 2, 3).mul_(1000);
  return weights;
}

TEST(TensorRounding, GivesTheNumbersOfTheProcessor) {
  const at::Tensor weights = weights_of(3);  // [80, 48]
  for (const char* text : {"w4g16-asym", "w3c-sym", "w8c-asym", "w4g16-asym-true", "w4g16-sym-sf16", "w4g16-asym-sbf16",
                           "mxfp4", "nvfp4", "fp8e4m3", "w4g48-asym"}) {
    const QuantFormat format = parse_quant_format(text);
    const at::Tensor whole = weights.narrow(1, 0, format.group_size == 32 ? 32 : 48).contiguous();
    EXPECT_TRUE(rounded_to_nearest(whole, format).equal(decoded(whole, format))) << text;
  }
}

// Powers and sums differ in their last bits: another of two like ranges may win.
TEST(TensorRounding, SearchesTheRangesOfTheProcessor) {
  const at::Tensor weights = weights_of(4);
  for (const char* text : {"w4g16-asym-mse", "w3c-sym-mse", "w2g16-asym-mse"}) {
    const at::Tensor got = rounded_to_nearest(weights, parse_quant_format(text));
    const at::Tensor want = decoded(weights, parse_quant_format(text));
    EXPECT_LT((got != want).any(1).sum().item<std::int64_t>(), 3) << text;
    const double loss = (want - weights).abs().pow(2.4).sum().item<double>();
    EXPECT_NEAR((got - weights).abs().pow(2.4).sum().item<double>(), loss, 1e-5 * loss) << text;
  }
}

// Clips of the linears of a block on what they read.
TEST(TensorAwq, CutsTheGroupsThatTheProcessorCuts) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 5);
  testing::Bench bench(model, testing::recipe_of("awq-w3g16"), 0);
  for (const LinearSlot slot : {LinearSlot::kV, LinearSlot::kDown}) {
    const at::Tensor weights = bench.block->weight(slot);
    const SampledRows inputs = sample_rows(*bench.block, input_site(slot), 100);
    const QuantFormat& format = bench.block->format(slot);
    const GroupClips want = search_clips(values_of(weights), inputs, format, {}, bench.executor);
    const GroupClips got = search_clips_there(weights, inputs, format, {});
    EXPECT_EQ(got.bounds, want.bounds);
    EXPECT_EQ(got.shrunk, want.shrunk);
    EXPECT_EQ(got.rows, want.rows);
    EXPECT_GT(got.shrunk, 0);
  }
}

// Where a factorization fails, both go the same way.
TEST(TensorGptq, RecoversAsTheProcessorDoes) {
  const at::Tensor rows = weights_of(6).narrow(0, 0, 20).contiguous();  // fewer than columns: a singular Hessian
  Executor executor(1);
  for (const double damping : {0.01, 0.0}) {
    std::vector<std::unique_ptr<GptqSolver>> solvers;
    for (const std::optional<at::Device> device : {std::optional<at::Device>(), std::optional(at::Device(at::kCPU))}) {
      solvers.push_back(gptq_solver({.columns = 48, .sequences = 1}, device, executor));
      solvers.back()->add(rows);
      solvers.back()->factorize(ColumnOrder::kByActivation, {.ratio = damping}, "test");
    }
    const GptqFactor &want = solvers[0]->factor(), &got = solvers[1]->factor();
    EXPECT_EQ(got.order, want.order);
    EXPECT_EQ(got.dead, want.dead);
    EXPECT_EQ(got.float64_retries, want.float64_retries);
    EXPECT_EQ(got.float64_retries, damping == 0 ? 1 : 0);
    const at::Tensor weights = weights_of(8);
    const QuantFormat format = parse_quant_format("w4g16-asym");
    if (damping == 0) continue;  // what a factor of noise rounds to is noise
    const GptqResult mine = solvers[1]->round(weights, format, {}), theirs = solvers[0]->round(weights, format, {});
    EXPECT_NEAR(mine.loss, theirs.loss, 1e-3 * theirs.loss);
    EXPECT_NEAR(solvers[1]->output_error(weights, mine), solvers[0]->output_error(weights, theirs), 1e-4);
  }
}

}  // namespace
}  // namespace qreason
