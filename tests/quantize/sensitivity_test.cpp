// What measure_sensitivity finds, and what a rounding pass under a budget makes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "model/naive_decoder.h"
#include "quantize/checkpoint_size.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;

// 3 blocks, hidden 48, intermediate 80, biases.
const ModelConfig& config() {
  static const ModelConfig kConfig = testing::small_config(Architecture::kQwen2);
  return kConfig;
}

constexpr const char* kHead = "name = \"test\"\n[calibration]\nsamples = 3\nlength = 24\n";

std::string measure(const std::string& rounding, const std::string& formats = "\"w2g16-asym\", \"w4g16-asym\"") {
  return "[[pass]]\nkind = \"measure_sensitivity\"\nrounding = \"" + rounding + "\"\ntokens = 40\nformats = [" +
         formats + "]\n";
}

std::string pass(const std::string& kind, const std::string& parameters) {
  return "[[pass]]\nkind = \"" + kind + "\"\n" + parameters + "\n";
}

class Sensitivity : public ::testing::Test {
 protected:
  Sensitivity() {
    for (std::uint64_t i = 0; i < 3; ++i) samples_.samples.push_back(testing::random_tokens(24, 101, i));
  }

  OrderedJson run(const std::string& text, testing::MemorySink& sink,
                  std::optional<at::Device> device = std::nullopt) const {
    const testing::ScratchFolder folder;
    Executor executor(2);
    const Recipe recipe = parse_recipe(text, "test");
    return run_recipe({.source = model_,
                       .recipe = recipe,
                       .calibration = &samples_,
                       .sink = sink,
                       .folder = folder.path(),
                       .model_identity = "random",
                       .device = device},
                      executor);
  }

  // KL(model || other) by the naive decoder, in double, over the first 40 positions.
  double divergence_of(const WeightSource& other) const {
    double sum = 0;
    std::int64_t left = 40;
    for (const auto& tokens : samples_.samples) {
      const testing::Rows p = testing::NaiveDecoder(model_).logits(tokens),
                          q = testing::NaiveDecoder(other).logits(tokens);
      for (std::size_t i = 0; i < tokens.size() && left > 0; ++i, --left) sum += divergence(p[i], q[i]);
    }
    return sum / 40;
  }

  testing::RandomModel model_{config(), 2};
  CalibrationSet samples_{.description = "random", .samples = {}};

 private:
  static double log_sum(const testing::Row& x) {
    double sum = 0;
    for (const double value : x) sum += std::exp(value);
    return std::log(sum);
  }
  static double divergence(const testing::Row& p, const testing::Row& q) {
    const double a = log_sum(p), b = log_sum(q);
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) sum += std::exp(p[i] - a) * ((p[i] - a) - (q[i] - b));
    return sum;
  }
};

double found(const OrderedJson& report, const std::string& linear, const std::string& format) {
  return report.at("statistics").at("layers." + linear + "." + format + ".divergence").at("max").get<double>();
}

// Each of the model's linears is rounded alone, by a recipe of its own, and the whole model run by another decoder.
TEST_F(Sensitivity, IsTheDivergenceOfTheModelWithThatLinearRounded) {
  for (const char* rounding : {"nearest", "gptq"}) {
    testing::MemorySink ignored;
    const OrderedJson report =
        run(kHead + measure(rounding) + pass("round_rtn", "budget = 9\ncandidates = [\"w2g16-asym\", \"w4g16-asym\"]"),
            ignored);
    const std::string kind = rounding == std::string("gptq") ? "round_gptq" : "round_rtn";
    for (const auto& [block, name, place] :
         {std::tuple(0, "q", "self_attn.q_proj"), std::tuple(0, "down", "mlp.down_proj"),
          std::tuple(1, "v", "self_attn.v_proj"), std::tuple(2, "gate", "mlp.gate_proj"),
          std::tuple(2, "o", "self_attn.o_proj")}) {
      for (const char* format : {"w2g16-asym", "w4g16-asym"}) {
        SCOPED_TRACE(std::string(rounding) + " " + place + " " + format);
        std::string rules;
        for (int other = 0; other < 3; ++other) {
          if (other != block)
            rules += (rules.empty() ? "\"blocks[" : ", \"blocks[") + std::to_string(other) + "] = float\"";
        }
        testing::MemorySink sink;
        run(kHead + pass(kind, std::string("format = \"") + format + "\"\nlinears = \"" + name + "\"\nrules = [" +
                                   rules + "]"),
            sink);
        const double want = divergence_of(testing::SinkSource(sink));
        const double got = found(report, std::to_string(block) + "." + place, format);
        EXPECT_GT(want, 1e-6);
        EXPECT_NEAR(got, want, 1e-3 * want + 1e-7);
      }
    }
  }
}

// Blocks in tensors on a device give what the kernels give, to float32's rounding of a small difference.
TEST_F(Sensitivity, IsMeasuredOnADeviceAsWell) {
  const std::string text =
      kHead + measure("gptq") + pass("round_rtn", "budget = 9\ncandidates = [\"w2g16-asym\", \"w4g16-asym\"]");
  testing::MemorySink kernels, tensors;
  const OrderedJson a = run(text, kernels), b = run(text, tensors, at::Device(at::kCPU));
  ASSERT_EQ(a.at("statistics").size(), 3u * 7 * 2);
  for (const auto& [name, numbers] : a.at("statistics").items()) {
    const auto want = numbers.at("max").get<double>();
    EXPECT_NEAR(b.at("statistics").at(name).at("max").get<double>(), want, 0.02 * want + 1e-7) << name;
  }
}

double bits_of(const ModelPlan& plan) {
  double bytes = 0, weights = 0;
  for (const BlockPlan& block : plan.blocks) {
    for (const auto& [slot, format] : block.weights) {
      const LinearShape shape = linear_shape(config(), slot);
      bytes += static_cast<double>(stored_bytes(shape, format));
      weights += static_cast<double>(shape.rows * shape.columns);
    }
  }
  return 8 * bytes / weights;
}

// The choice is the best of those that the budget allows among all of one linear more or less.
TEST_F(Sensitivity, SpendsTheBudgetWhereItCostsMost) {
  testing::MemorySink sink;
  const OrderedJson report =
      run(kHead + measure("gptq") + pass("round_gptq", "budget = 5.6\ncandidates = [\"w2g16-asym\", \"w4g16-asym\"]"),
          sink);
  // 2 + 40/16 and 4 + 40/16 bits a weight.
  EXPECT_LE(bits_of(sink.plan()), 5.6);
  EXPECT_GT(bits_of(sink.plan()), 5.5);
  const auto gain = [&](std::size_t layer, LinearSlot slot) {
    const std::string place = std::to_string(layer) + "." + std::string(name_of(slot));
    return found(report, place, "w2g16-asym") - found(report, place, "w4g16-asym");
  };
  // Of two linears of one shape the one that gains more has the bits.
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      for (const LinearSlot slot : kLinearSlots) {
        if (gain(a, slot) <= gain(b, slot)) continue;
        EXPECT_GE(sink.plan().blocks[a].weights.at(slot).bits, sink.plan().blocks[b].weights.at(slot).bits)
            << name_of(slot) << " of " << a << " and " << b;
      }
    }
  }
}

// What was decided is a recipe without a budget, which makes the same model without measuring.
TEST_F(Sensitivity, LeavesARecipeThatRepeatsTheRun) {
  testing::MemorySink sink, again;
  const OrderedJson report =
      run(kHead + measure("nearest", "\"w2g16-asym\", \"w3g8-asym\", \"w4g16-asym\", \"w8g16-sym\"") +
              pass("round_gptq",
                   "budget = 6\ncandidates = [\"w2g16-asym\", \"w3g8-asym\", \"w4g16-asym\"]\n"
                   "rules = [\"blocks[1].mlp.down_proj = w8g16-sym\", \"blocks[2].self_attn.q_proj = float\"]"),
          sink);
  const auto text = report.at("text").get<std::string>();
  EXPECT_THAT(text, AllOf(Not(HasSubstr("measure_sensitivity")), Not(HasSubstr("budget =")), HasSubstr("rules = ")));
  EXPECT_EQ(to_string(sink.plan().block(1).weights.at(LinearSlot::kDown)), "w8g16-sym");
  EXPECT_FALSE(sink.plan().block(2).weights.contains(LinearSlot::kQ));
  // What rules have settled is paid from the budget too.
  EXPECT_LE(bits_of(sink.plan()), 6);
  const OrderedJson repeated = run(text, again);
  EXPECT_EQ(repeated.at("text"), text);
  EXPECT_EQ(again.plan(), sink.plan());
  for (const auto& [name, weight] : sink.linears()) {
    if (!weight.quantized()) continue;
    EXPECT_EQ(std::get<QuantizedMatrix>(again.linears().at(name).matrix).codes,
              std::get<QuantizedMatrix>(weight.matrix).codes)
        << name;
  }
}

// Linears that the pass does not round need no rule that leaves them out.
TEST_F(Sensitivity, SpendsOnTheLinearsOfThePassAlone) {
  testing::MemorySink sink;
  const OrderedJson report = run(kHead + measure("gptq") +
                                     pass("round_rtn",
                                          "linears = \"q, k\"\nbudget = 5.6\n"
                                          "candidates = [\"w2g16-asym\", \"w4g16-asym\"]"),
                                 sink);
  EXPECT_THAT(report.at("text").get<std::string>(), Not(HasSubstr("v_proj")));
  for (const BlockPlan& block : sink.plan().blocks) {
    EXPECT_EQ(block.weights.size(), 2u);
    EXPECT_TRUE(block.weights.contains(LinearSlot::kQ) && block.weights.contains(LinearSlot::kK));
  }
}

TEST(Budget, IsCheckedBeforeAnythingRuns) {
  const auto refuse = [](const std::string& parameters, const std::string& before = measure("gptq")) {
    return message_of(
        [&] { validate(parse_recipe(kHead + before + pass("round_gptq", parameters), "test"), config()); });
  };
  const std::string both = "candidates = [\"w2g16-asym\", \"w4g16-asym\"]\n";
  EXPECT_EQ(refuse(both + "budget = 4.5"), "no error");
  EXPECT_THAT(
      refuse(both + "budget = 4.4"),
      HasSubstr("round_gptq: budget: 4.4 bits a weight, expected 4.5 or more, what the smallest candidates take"));
  EXPECT_THAT(refuse(both + "budget = 5", ""), HasSubstr("round_gptq without measure_sensitivity"));
  EXPECT_THAT(
      refuse("budget = 6\ncandidates = [\"w3g16-asym\"]"),
      HasSubstr("round_gptq, which may choose w3g16-asym, behind measure_sensitivity, which does not measure it"));
  EXPECT_THAT(refuse(both + "budget = 5", measure("gptq") + pass("fold_norms", "")),
              HasSubstr("fold_norms between measure_sensitivity and round_gptq"));
  EXPECT_THAT(refuse("format = \"w2g16-asym\""), HasSubstr("measure_sensitivity that no pass reads"));
  EXPECT_THAT(refuse(both + "budget = 5\nformat = \"w2g16-asym\""), HasSubstr("a format and a budget"));
  EXPECT_THAT(refuse(both), HasSubstr("candidates without a budget"));
  EXPECT_THAT(refuse("budget = 5"), HasSubstr("a budget without candidates"));
  EXPECT_THAT(refuse(both + "budget = 0"), HasSubstr("round_gptq: budget: 0"));
  EXPECT_THAT(refuse("budget = 5\ncandidates = [\"w2g16-asym\", \"w2g16-asym\"]"), HasSubstr("w2g16-asym twice"));
  EXPECT_THAT(refuse("budget = 5\ncandidates = [\"fp8e4m3\"]", measure("nearest", "\"fp8e4m3\"")),
              HasSubstr("round_gptq: format: fp8e4m3"));
  EXPECT_THAT(refuse("budget = 5", measure("gptq", "\"mxfp4\"")), HasSubstr("measure_sensitivity: formats: mxfp4"));
  EXPECT_THAT(refuse("budget = 5", measure("gptq", "")), HasSubstr("measure_sensitivity: formats: none"));
  // Which linears stay open must not depend on what they then take.
  EXPECT_EQ(refuse(both + "budget = 9\nrules = [\"mlp_mid = w8g16-sym\"]"), "no error");
  EXPECT_EQ(refuse(both + "budget = 9\nrules = [\"mlp_mid = w8\"]"), "no error");
  EXPECT_THAT(refuse("budget = 9\ncandidates = [\"w2g16-asym\", \"w4g8-asym\"]\nrules = [\"mlp_mid = w8\"]",
                     measure("gptq", "\"w2g16-asym\", \"w4g8-asym\"")),
              HasSubstr("round_gptq: rules: words that give mlp.down_proj of block 0 another format"));
}

// A budget counts formats as the degree divides them.
TEST(Budget, CountsWhatShardsStore) {
  const auto refuse = [](const std::string& degree, double bits) {
    return message_of([&] {
      const std::string text = "tensor_parallel = " + degree + "\n" + std::string(kHead) +
                               measure("gptq", "\"w2c-sym\"") +
                               pass("round_gptq", "candidates = [\"w2c-sym\"]\nbudget = " + std::to_string(bits));
      validate(parse_recipe(text, "test"), config());
    });
  };
  // A block: 48 x 48 twice, 24 x 48 twice, 80 x 48 twice and 48 x 80: 18432 weights. A scale a row: 2 * (48 + 24 + 80)
  // + 48 rows, 4 bytes each; with two shards o and down have two a row.
  const double one = 2 + 32.0 * (48 + 48 + 24 + 24 + 80 + 80 + 48) / 18432, two = one + 32.0 * (48 + 48) / 18432;
  EXPECT_EQ(refuse("1", one + 1e-4), "no error");
  EXPECT_THAT(refuse("1", one - 1e-3), HasSubstr("or more"));
  EXPECT_EQ(refuse("2", two + 1e-4), "no error");
  EXPECT_THAT(refuse("2", two - 1e-3), HasSubstr("or more"));
}

TEST(Budget, StandsInAMethodsName) {
  using testing::method;
  const Recipe recipe = method("gptq-b3.5g64");
  EXPECT_EQ(recipe.name, "gptq-b3.5g64");
  ASSERT_EQ(recipe.passes.size(), 2u);
  EXPECT_EQ(pass_of(recipe.passes[0]).kind(), "measure_sensitivity");
  const ParameterMap parameters = pass_of(recipe.passes[1]).parameters();
  EXPECT_EQ(std::get<double>(parameters.at("budget")), 3.5);
  EXPECT_EQ(std::get<TextList>(parameters.at("candidates")),
            (TextList{"w2g64-asym-mse", "w3g64-asym-mse", "w4g64-asym-mse", "w5g64-asym-mse"}));
  EXPECT_EQ(method("gptq-g64", {"budget=3.5"}).name, "gptq-b3.5g64");
  EXPECT_EQ(to_toml(method("gptq-g64", {"budget=3.5"})), to_toml(recipe));
  EXPECT_EQ(method("gptq-b3.5g64-tp2", {"budget=3.5"}).name, "gptq-b3.5g64-tp2");
  EXPECT_EQ(method("rtn-b4c").name, "rtn-b4c");
  EXPECT_EQ(std::get<TextList>(
                pass_of(method("awq-b3g64", {"candidates=2,3g128"}).passes.back()).parameters().at("candidates")),
            (TextList{"w2g64-asym-true", "w3g128-asym-true"}));
  const auto refuse = [](const std::string& name, const std::vector<std::string>& settings = {}) {
    return message_of([&] { method(name, settings); });
  };
  EXPECT_THAT(refuse("gptq-w3g64", {"budget=3.5"}),
              HasSubstr("budget: 3.5 under the name gptq-w3g64, expected a name with b3.5 in place of w<bits>"));
  EXPECT_THAT(refuse("gptq-b3g64", {"budget=3.5"}), HasSubstr("3.5 under the name gptq-b3g64"));
  EXPECT_THAT(refuse("gptq-g64"), HasSubstr("weights without bits"));
  EXPECT_THAT(refuse("gptq-b3.5"), HasSubstr("weights without group or c"));
  EXPECT_THAT(refuse("gptq-b0g64"), HasSubstr("budget 0g64"));
  EXPECT_THAT(refuse("quarot-b3.5g64"), HasSubstr("method quarot-b3.5g64: a budget of bits"));
  EXPECT_THAT(refuse("mxfp4-b4"), HasSubstr("mxfp4-b4"));
  for (const char* candidates : {"candidates=2,,3", "candidates=9", "candidates=2g", "candidates=3,"}) {
    EXPECT_THAT(refuse("gptq-b3.5g64", {candidates}), HasSubstr("candidates: ")) << candidates;
  }
}

}  // namespace
}  // namespace qreason
