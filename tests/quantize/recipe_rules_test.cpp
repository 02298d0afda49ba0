// Rules of a recipe's passes: what they say in text and in the plan, what they are refused for, and what is then
// rounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe.h"
#include "quantize/rtn.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// 3 blocks, hidden 48, intermediate 80.
const ModelConfig& config() {
  static const ModelConfig kConfig = testing::small_config(Architecture::kQwen2);
  return kConfig;
}

Recipe parse(const std::string& passes, const std::string& head = "") {
  return parse_recipe(head + "[calibration]\nsamples = 2\nlength = 16\n" + passes, "rules.toml");
}

std::string pass(const std::string& kind, const std::string& parameters) {
  return "[[pass]]\nkind = \"" + kind + "\"\n" + parameters + "\n";
}

std::string format_of(const ModelPlan& plan, std::int64_t layer, LinearSlot slot) {
  const auto& weights = plan.block(layer).weights;
  return weights.contains(slot) ? to_string(weights.at(slot)) : "float";
}

std::string failure_of(const std::string& passes) {
  try {
    validate(parse(passes), config());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    return error.what();
  }
  return "no error";
}

const std::string kEverything =
    pass("set_activation_format", "format = \"a8-token-asym\"\nrules = [\"mlp_mid = a4\", \"blocks[0] = float\"]") +
    pass(
        "set_kv_format",
        "keys = \"k4-head-asym\"\nvalues = \"v4-head-asym\"\nrules = [\"blocks[-1] = float\", \"key = before-rope\"]") +
    pass("round_gptq",
         "format = \"w4g8-asym-mse\"\nrules = [\"blocks[0], blocks[-1] = float\", \"mlp.down_proj = w8g16-sym\"]") +
    pass("round_rtn", "format = \"w8c-sym\"\nlinears = \"q, o\"\nrules = [\"blocks[1:] = float\", \"attn_out = w6\"]");

TEST(RecipeRules, ComeBackFromTheirText) {
  const std::string text = to_toml(parse(kEverything));
  EXPECT_THAT(text, HasSubstr("rules = [\"blocks[0], blocks[-1] = float\", \"mlp.down_proj = w8g16-sym\"]"));
  EXPECT_EQ(to_toml(parse_recipe(text, "again")), text);
  EXPECT_EQ(validate(parse_recipe(text, "again"), config()), validate(parse(kEverything), config()));
  // A pass without rules says nothing of them.
  EXPECT_THAT(to_toml(parse(pass("round_rtn", "format = \"w8c-sym\"\nrules = []"))), Not(HasSubstr("rules")));
}

TEST(RecipeRules, MakeThePlan) {
  const ModelPlan plan = validate(parse(kEverything), config());
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kQ), "w8c-sym");
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kO), "w6c-sym");
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kDown), "float");
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kQ), "w4g8-asym-mse");
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kDown), "w8g16-sym");
  EXPECT_TRUE(plan.block(2).weights.empty());
  EXPECT_EQ(to_string(plan.block(0).at(Site::kMlpMiddle)), "float");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kMlpMiddle)), "a4-token-asym");
  EXPECT_EQ(to_string(plan.block(2).at(Site::kMlpInput)), "a8-token-asym");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kKey)), "k4-head-asym before-rope");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kValue)), "v4-head-asym");
  EXPECT_EQ(to_string(plan.block(2).at(Site::kKey)), "float");
}

// Rules are written for the whole row; the degree divides what they say.
TEST(RecipeRules, AreDividedByTheTensorParallelDegree) {
  const ModelPlan plan = validate(parse(pass("set_activation_format",
                                             "format = \"a8-token-asym\"\n"
                                             "rules = [\"mlp_mid = a4-token-sym\"]") +
                                            pass("round_rtn",
                                                 "format = \"w4g8-asym\"\n"
                                                 "rules = [\"mlp.down_proj = w8c-sym\"]"),
                                        "tensor_parallel = 2\n"),
                                  config());
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kDown), "w8g40-sym");
  EXPECT_EQ(plan.block(1).at(Site::kMlpMiddle).format->group_size, 40);
}

TEST(RecipeRules, AreRefusedBeforeAnythingRuns) {
  const auto rtn = [](const std::string& rules, const std::string& linears = "all") {
    return failure_of(pass("round_rtn", "format = \"w4g8-asym\"\nlinears = \"" + linears + "\"\nrules = " + rules));
  };
  EXPECT_EQ(rtn("[\"blocks[0] = float\"]"), "no error");
  EXPECT_THAT(rtn("[\"blocks[3] = float\"]"),
              AllOf(HasSubstr("round_rtn: rule \"blocks[3] = float\""), HasSubstr("the model's 3 blocks")));
  EXPECT_THAT(rtn("[\"mlp.down = float\"]"), AllOf(HasSubstr("rule"), HasSubstr("mlp.down_proj")));
  EXPECT_THAT(rtn("[\"mlp.down_proj = flaot\"]"),
              AllOf(HasSubstr("rule \"mlp.down_proj = flaot\""), HasSubstr("flaot")));
  EXPECT_THAT(rtn("[\"mlp.down_proj = w8\"]", "q, k"), HasSubstr("nothing quantized at \"mlp.down_proj\""));
  EXPECT_THAT(rtn("[\"blocks[0] = float\", \"blocks[0] = float\"]"), HasSubstr("nothing quantized at \"blocks[0]\""));
  EXPECT_THAT(rtn("[\"head = w8c-sym\"]"), HasSubstr("nothing quantized at \"head\""));
  EXPECT_THAT(rtn("[\"mlp_mid = a8-token-asym\"]"), HasSubstr("nothing quantized at \"mlp_mid\""));
  EXPECT_THAT(rtn("[\"blocks[*] = float\"]"), HasSubstr("round_rtn: rules: nothing"));
  EXPECT_THAT(rtn("[\"mlp.down_proj = w4g7-asym\"]"), HasSubstr("mlp.down_proj: groups of 7 in 80 columns"));
  EXPECT_THAT(rtn("\"blocks[0] = float\""), HasSubstr("a list of texts"));
  EXPECT_THAT(failure_of(pass("round_gptq", "format = \"w4g8-asym\"\nrules = [\"mlp.down_proj = fp8e4m3\"]")),
              HasSubstr("round_gptq: format: fp8e4m3"));
  const auto keys = [](const std::string& rule) {
    return failure_of(pass("set_kv_format", "keys = \"k4-head-asym\"\nrules = [\"" + rule + "\"]"));
  };
  EXPECT_THAT(keys("value = v8"), HasSubstr("nothing quantized at \"value\""));
  EXPECT_THAT(keys("key = hadamard4"), HasSubstr("hadamard4"));
  EXPECT_THAT(keys("key = k4-channel-asym static"), HasSubstr("static"));
  EXPECT_THAT(keys("key = k4-channel-asym"), HasSubstr("static parameters alone"));
}

TEST(RecipeRules, LetTwoPassesShareALinearButNoBlockOfIt) {
  const std::string first = pass("round_rtn", "format = \"w8c-sym\"\nrules = [\"blocks[0:2] = float\"]");
  const auto second = [](const std::string& rule) {
    return pass("round_gptq", "format = \"w4g8-asym\"\nrules = [\"" + rule + "\"]");
  };
  EXPECT_EQ(failure_of(first + second("blocks[-1] = float")), "no error");
  EXPECT_THAT(failure_of(first + second("blocks[0] = float")),
              HasSubstr("round_gptq after round_rtn, both of which round self_attn.q_proj of block 2"));
}

// Where most blocks stay float, biases of the others are still corrected.
TEST(RecipeRules, LeaveCorrectionsToTheBlocksThatAreRounded) {
  const auto rounded_in = [](const std::string& rule) {
    return failure_of(pass("round_rtn", "format = \"w8c-sym\"\nrules = [" + rule + "]") + pass("correct_biases", ""));
  };
  EXPECT_EQ(rounded_in("\"blocks[1:] = float\""), "no error");
  EXPECT_THAT(rounded_in("\"attn_in = w4\", \"self_attn.q_proj, self_attn.k_proj, self_attn.v_proj = float\""),
              HasSubstr("no linear that is rounded and has a bias"));
}

// The run does what the plan says, no more: float linears are the model's own, the others have the codes of their
// format, and biases are corrected where something was rounded.
TEST(RecipeRules, AreWhatIsRounded) {
  const testing::RandomModel model(config(), 2);
  const Recipe recipe = parse(kEverything + pass("correct_biases", ""));
  const CalibrationSet calibration{.description = "random", .samples = {testing::random_tokens(16, 101, 1)}};
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  Executor executor(1);
  const OrderedJson report = run_recipe({.source = model,
                                         .recipe = recipe,
                                         .calibration = &calibration,
                                         .sink = sink,
                                         .folder = folder.path(),
                                         .model_identity = "random"},
                                        executor);
  EXPECT_EQ(sink.plan(), validate(recipe, config()));
  EXPECT_EQ(report.at("totals").at("linears"), 2 + 7);
  for (std::int64_t layer = 0; layer < config().layers; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const std::string name = linear_name(layer, slot);
      SCOPED_TRACE(name);
      const LinearWeight& weight = sink.linears().at(name);
      const std::string format = format_of(sink.plan(), layer, slot);
      ASSERT_EQ(weight.quantized(), format != "float");
      if (weight.quantized()) {
        EXPECT_EQ(to_string(std::get<QuantizedMatrix>(weight.matrix).format), format);
      } else {
        EXPECT_TRUE(weight.dense_float32().equal(model.linear(name).dense_float32()));
      }
      if (weight.bias) {
        EXPECT_EQ(weight.bias->equal(*model.linear(name).bias), !weight.quantized());
      }
    }
  }
  const std::string name = linear_name(0, LinearSlot::kO);
  const at::Tensor original = model.linear(name).dense_float32().contiguous();
  const RtnResult want =
      round_rtn_parallel({original.const_data_ptr<float>(), static_cast<std::size_t>(original.numel())},
                         original.size(0), original.size(1), parse_quant_format("w6c-sym"), executor);
  EXPECT_EQ(std::get<QuantizedMatrix>(sink.linears().at(name).matrix).codes, want.matrix.codes);
}

}  // namespace
}  // namespace qreason
