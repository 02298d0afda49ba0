// Logits of the tiny reference models (tests/data/oracle), computed by transformers 4.47.1 in float32.
#include <gtest/gtest.h>

#include <cmath>

#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/safetensors_reader.h"

namespace qreason {
namespace {

double standard_deviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const float value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

class OracleLogits : public ::testing::TestWithParam<const char*> {};

TEST_P(OracleLogits, EqualTransformersTo1e4OfTheirDeviation) {
  QREASON_REQUIRE_ORACLE(weights, std::string(GetParam()) + "/model.safetensors");
  const std::filesystem::path folder = weights.parent_path();
  const auto tokens = testing::SafetensorsReader(folder / "tokens.safetensors").read("eval").as<std::int32_t>();
  const auto want = testing::SafetensorsReader(folder / "float.safetensors").read("logits").as<float>();
  const auto checkpoint = open_checkpoint(folder);
  Decoder decoder(*checkpoint, {});
  Executor executor(2);
  std::vector<SequenceCache> caches;
  const PagePool pages(decoder.cache_layout());
  for (int i = 0; i < 2; ++i) caches.emplace_back(pages);
  std::vector<DecoderInput> inputs;
  for (std::size_t i = 0; i < 2; ++i) {
    inputs.push_back(
        {.tokens = std::span(tokens).subspan(48 * i, 48), .cache = &caches[i], .logits = DecoderInput::Logits::kAll});
  }
  std::vector<float> got;
  DecoderStep step;
  decoder.forward(inputs, step, got, executor);
  EXPECT_TRUE(testing::all_close(got, want, {.absolute = 1e-4 * standard_deviation(want)}));
}

INSTANTIATE_TEST_SUITE_P(TinyModels, OracleLogits, ::testing::Values("qwen2-tiny", "llama-tiny"),
                         [](const auto& model) { return std::string(model.param).substr(0, 5); });

}  // namespace
}  // namespace qreason
