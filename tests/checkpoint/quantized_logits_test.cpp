// Checkpoints that other tools quantized, read and run packed, against the logits of those tools and of an independent
// exact decoder (the oracle's checkpoints, whose README has the limits).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "checkpoint/checkpoint.h"
#include "checkpoint/oracle_logits.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using testing::all_close;

// The same weights with nothing rounded at sites: what `logits_exact` is of.
class FloatSites : public WeightSource {
 public:
  explicit FloatSites(const WeightSource& inner) : inner_(inner), plan_(inner.plan()) {
    for (BlockPlan& block : plan_.blocks) block.sites = {};
  }
  const ModelConfig& config() const override { return inner_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override { return inner_.linear(name); }
  at::Tensor tensor(const std::string& name) const override { return inner_.tensor(name); }

 private:
  const WeightSource& inner_;
  ModelPlan plan_;
};

// Weights rounded to bfloat16, as transformers unpacks those of NVFP4: over inputs of four bits a difference of that
// size flips codes and is no longer small.
class RoundedWeights : public WeightSource {
 public:
  explicit RoundedWeights(const WeightSource& inner) : inner_(inner), plan_(inner.plan()) {
    for (BlockPlan& block : plan_.blocks) block.weights.clear();
  }
  const ModelConfig& config() const override { return inner_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = inner_.linear(name);
    weight.matrix = weight.dense_float32().to(at::kBFloat16).to(at::kFloat);
    return weight;
  }
  at::Tensor tensor(const std::string& name) const override { return inner_.tensor(name); }

 private:
  const WeightSource& inner_;
  ModelPlan plan_;
};

struct OracleFolder {
  const char* name;
  const char* model;
  // How far the tool's own logits may be, the README's: at most and mean square. Consumers in float16 round everything,
  // quantized inputs spread a flipped code.
  double most = 1e-4;
  double mean_square = 1e-9;
};

constexpr double kInputs = 3e-3;  // the README's limit for quantized inputs and caches
constexpr double kAny = 1e30;

class QuantizedLogits : public ::testing::TestWithParam<OracleFolder> {};

TEST_P(QuantizedLogits, EqualThoseOfItsTool) {
  const std::string base = std::string("checkpoints/") + GetParam().name;
  QREASON_REQUIRE_ORACLE(folder, base);
  QREASON_REQUIRE_ORACLE(golden_file, base + ".golden.safetensors");
  QREASON_REQUIRE_ORACLE(tokens_file, std::string(GetParam().model) + "/tokens.safetensors");
  const auto checkpoint = open_checkpoint(folder);
  const SafetensorsFile golden(golden_file), tokens(tokens_file);
  const auto vocab = static_cast<std::size_t>(checkpoint->config().vocab_size);
  ASSERT_FALSE(checkpoint->plan().is_float());

  const bool rounded = GetParam().name == std::string("ct-nvfp4");
  const RoundedWeights as_unpacked(*checkpoint);
  const WeightSource& source = rounded ? static_cast<const WeightSource&>(as_unpacked) : *checkpoint;
  const std::vector<float> found = testing::all_eval_logits(source, tokens), tool = golden.read_f32("logits");
  ASSERT_EQ(found.size(), tool.size());
  double most = 0, sum = 0;
  for (std::size_t i = 0; i < tool.size(); ++i) {
    const double off = std::abs(static_cast<double>(found[i]) - tool[i]);
    most = std::max(most, off);
    sum += off * off;
  }
  EXPECT_LT(most, GetParam().most);
  EXPECT_LT(sum / static_cast<double>(tool.size()), GetParam().mean_square);

  const bool same = !golden.contains("logits_exact");
  const std::vector<float> exact = same ? testing::at_positions(tool, tokens, vocab) : golden.read_f32("logits_exact");
  const std::vector<float> plain = testing::all_eval_logits(FloatSites(*checkpoint), tokens);
  EXPECT_TRUE(all_close(testing::at_positions(plain, tokens, vocab), exact, {.absolute = 1e-4}));
}

INSTANTIATE_TEST_SUITE_P(Oracle, QuantizedLogits,
                         ::testing::Values(OracleFolder{"awq-w4g32", "qwen2-tiny", 4e-2, 2e-5},
                                           OracleFolder{"awq-w4g128", "llama-tiny", 4e-2, 2e-5},
                                           OracleFolder{"awq-w4g128-skip-mlp", "llama-tiny", 2e-2, 6e-6},
                                           OracleFolder{"awq-gptqmodel-w4g32", "llama-tiny", 4e-2, 6e-6},
                                           OracleFolder{"gptq-w4g32-sym", "qwen2-tiny", 4e-2, 2e-5},
                                           OracleFolder{"gptq-w4g128-sym", "llama-tiny", 2e-2, 4e-6},
                                           OracleFolder{"gptq-w4g32-sym-descact", "qwen2-tiny", 6e-2, 2e-5},
                                           OracleFolder{"gptq-w4g32-sym-descact-static", "qwen2-tiny", 6e-2, 2e-5},
                                           OracleFolder{"gptq-w4g32-asym", "qwen2-tiny", 8e-2, 2e-5},
                                           OracleFolder{"gptq-w4g32-asym-descact", "llama-tiny", 8e-2, 2e-5},
                                           OracleFolder{"gptq_v2-w4g32-asym", "llama-tiny", 2e-2, 6e-6},
                                           OracleFolder{"gptq-w4pc-sym", "qwen2-tiny", 6e-2, 2e-5},
                                           OracleFolder{"gptq-w8g128-sym", "qwen2-tiny", 6e-2, 2e-5},
                                           OracleFolder{"gptq-w3g32-asym", "qwen2-tiny", 6e-2, 2e-5},
                                           OracleFolder{"gptq-w4g32-asym-dynamic", "llama-tiny", 2e-2, 6e-6},
                                           OracleFolder{"ct-w4a16-g128-sym-gptq", "qwen2-tiny"},
                                           OracleFolder{"ct-w4a16-g128-asym-gptq", "llama-tiny"},
                                           OracleFolder{"ct-w4a16-g32-asym-gptq", "qwen2-tiny"},
                                           OracleFolder{"ct-w4a16-g32-sym-actorder-static", "qwen2-tiny"},
                                           OracleFolder{"ct-w4a16-g32-sym-sharded", "llama-tiny"},
                                           OracleFolder{"ct-w4a16-channel-sym", "qwen2-tiny"},
                                           OracleFolder{"ct-w3a16-g32-asym-gptq", "qwen2-tiny"},
                                           OracleFolder{"ct-w8a8-int8", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-w8a8-int8-static-asym", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-fp8-static", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-fp8-block", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-fp8-kv", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-nvfp4", "qwen2-tiny", kAny, kInputs},
                                           OracleFolder{"ct-mxfp4", "qwen2-tiny", kAny, kInputs}),
                         [](const auto& item) {
                           std::string name = item.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace qreason
