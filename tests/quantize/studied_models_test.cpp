// The studied models by their real config.json (tests/data/model/studied): their plans and costs; and small models of
// their shapes all the way from files through every family of methods to logits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_writer.h"
#include "model/decoder.h"
#include "quantize/cost.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"
#include "support/studied_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

constexpr const char* kStudied[] = {"DeepSeek-R1-Distill-Qwen-1.5B",
                                    "DeepSeek-R1-Distill-Qwen-7B",
                                    "DeepSeek-R1-Distill-Qwen-14B",
                                    "DeepSeek-R1-Distill-Qwen-32B",
                                    "QwQ-32B",
                                    "DeepSeek-R1-Distill-Llama-8B",
                                    "DeepSeek-R1-Distill-Llama-70B"};

class StudiedModels : public ::testing::TestWithParam<const char*> {
 protected:
  const ModelConfig config_ = testing::studied_config(GetParam());
};

// By hand: 4 bits a weight and 5 bytes for every 128 of them (a float32 scale, a zero point); embedding and head in
// bfloat16. What is left is biases, norms and headers, below a thousandth.
TEST_P(StudiedModels, TakeWhatTheirShapesSay) {
  const double tables = 2.0 * static_cast<double>(config_.vocab_size * config_.hidden_size);
  const double weights = static_cast<double>(parameter_count(config_)) - tables;
  const Recipe recipe = make_recipe("rtn-w4g128", {});
  const QuantizeCost cost = estimate_sizes({.recipe = recipe, .config = config_, .calibration = {}});
  EXPECT_EQ(cost.blocks, config_.layers);
  EXPECT_NEAR(static_cast<double>(cost.checkpoint_bytes) / (weights * (0.5 + 5.0 / 128) + 2 * tables), 1, 1e-3);
}

// Every method by its first example on the real shape: the plan is valid, and its memory is some blocks' and no
// model's.
TEST_P(StudiedModels, HaveAPlanForEveryMethod) {
  const double model_bytes = 2.0 * static_cast<double>(parameter_count(config_));
  for (const Method& row : all_methods()) {
    SCOPED_TRACE(row.name);
    const Recipe recipe = make_recipe(row.example.substr(0, row.example.find(',')), {});
    const ModelPlan plan = validate(recipe, config_);
    EXPECT_EQ(static_cast<std::int64_t>(plan.blocks.size()), config_.layers);
    EXPECT_FALSE(plan.is_float());
    CalibrationSize calibration;
    if (recipe.calibration) {
      calibration = {.sequences = 128, .tokens = 128 * 512, .longest = 512};
    }
    const QuantizeCost cost = estimate_sizes({.recipe = recipe, .config = config_, .calibration = calibration});
    EXPECT_LT(static_cast<double>(cost.checkpoint_bytes), 1.01 * model_bytes);
    EXPECT_GT(cost.peak_memory_bytes, 100'000'000u);
    EXPECT_LT(static_cast<double>(cost.peak_memory_bytes), model_bytes + 6e9);
  }
}

struct Settings {
  const char* method;
  std::vector<std::string> changes;
};

// One of each family, in formats that fit short rows.
const std::vector<Settings>& families() {
  static const std::vector<Settings> all{{"rtn-w4g8", {}},
                                         {"gptq-w3g8", {"mse_search=false"}},
                                         {"awq-w4g8", {"search_steps=3"}},
                                         {"smoothquant-w8a8kv8", {"mse_search=false"}},
                                         {"kvquant_star-kv4", {}},
                                         {"quarot-w4a4kv4", {"mse_search=false"}},
                                         {"fp8-w8a8kv8", {}},
                                         {"flatquant-w4a4kv4", {"epochs=1", "batch_size=2"}}};
  return all;
}

void expect_runs(const fs::path& folder, const Settings& settings) {
  SCOPED_TRACE(settings.method);
  const auto source = open_checkpoint(folder);
  const std::int64_t vocabulary = source->config().vocab_size;
  Recipe recipe = make_recipe(settings.method, parse_assignments(settings.changes));
  CalibrationSet calibration{.description = "random"};
  for (const std::uint64_t seed : {1, 2}) {
    calibration.samples.push_back(testing::random_tokens(16, vocabulary, seed));
  }
  if (recipe.calibration) recipe.calibration->length = 16;
  Executor executor(1);
  testing::MemorySink sink;
  const testing::ScratchFolder journal;
  run_recipe({.source = *source,
              .recipe = recipe,
              .calibration = needs_calibration(recipe) ? &calibration : nullptr,
              .sink = sink,
              .folder = journal.path(),
              .model_identity = "random"},
             executor);
  EXPECT_FALSE(sink.plan().is_float());
  const testing::SinkSource quantized(sink);
  const Decoder decoder(quantized, {.executor = &executor});
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const auto tokens = testing::random_tokens(9, vocabulary, 4);
  const DecoderInput input{.tokens = tokens, .cache = &cache};
  DecoderStep step;
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  ASSERT_EQ(static_cast<std::int64_t>(logits.size()), vocabulary);
  for (const float logit : logits) ASSERT_TRUE(std::isfinite(logit));
}

TEST_P(StudiedModels, GoThroughEveryFamilyOfMethodsInSmall) {
  ModelConfig config = testing::with_heads_of(config_, 4);
  config.vocab_size = 64;
  config.max_positions = 64;
  config.bos_token = 0;
  config.eos_tokens = {1};
  if (config.rope_scaling) config.rope_scaling = Llama3RopeScaling{8, 1, 4, 16};
  const testing::ScratchFolder folder;
  write_hf_model(folder.path(), testing::RandomModel(config, 3, at::kBFloat16), to_hf_json(config).dump(2));
  for (const Settings& settings : families()) expect_runs(folder.path(), settings);
}

INSTANTIATE_TEST_SUITE_P(All, StudiedModels, ::testing::ValuesIn(kStudied), [](const auto& item) {
  std::string name = item.param;
  for (char& letter : name) letter = letter == '-' || letter == '.' ? '_' : letter;
  return name;
});

}  // namespace
}  // namespace qreason
