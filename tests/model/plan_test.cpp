// Plans: rules, JSON, what fits a model; and the places they name.
#include "model/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "support/random_model.h"

namespace qreason {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::small_config;

BlockPlan full_block() {
  BlockPlan block;
  for (const LinearSlot slot : kLinearSlots) block.weights[slot] = parse_quant_format("w4c-sym");
  block.weights[LinearSlot::kDown] = parse_quant_format("w4g128-asym-mse");
  for (const Site site : kActivationSites) block.at(site).format = parse_quant_format("a8-token-asym");
  block.at(Site::kKey).format = parse_quant_format("k4-head-asym");
  block.at(Site::kValue).format = parse_quant_format("v4-head-asym-clip0.95");
  return block;
}

ModelPlan full_plan() {
  return uniform_plan(3, full_block(), 2);
}

std::string format_of(const ModelPlan& plan, std::int64_t layer, LinearSlot slot) {
  const auto& weights = plan.block(layer).weights;
  return weights.contains(slot) ? to_string(weights.at(slot)) : "float";
}

template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

std::string failure_of(const char* text) {
  return error_of([&] { parse_model_plan(parse_json(text, "text"), 3, "config.json"); });
}

ModelPlan read_back(const ModelPlan& plan) {
  return parse_model_plan(parse_json(to_json(plan).dump(), "written"), static_cast<std::int64_t>(plan.blocks.size()),
                          "written");
}

TEST(ModelPlan, ComesBackFromItsJson) {
  const ModelPlan plan = full_plan();
  EXPECT_EQ(read_back(plan), plan);
  EXPECT_EQ(read_back(uniform_plan(2)), uniform_plan(2));
  EXPECT_EQ(to_json(plan)["weights"]["mlp.down_proj"], "w4g128-asym-mse");
}

// The form that checkpoints of version 1 hold, and that uniform plans keep: results name a model by its hash.
TEST(ModelPlan, WritesUniformPlansAsVersionOneDid) {
  EXPECT_EQ(to_json(uniform_plan(3)).dump(),
            R"({"weights":{},"activations":{},"keys":null,"values":null,"tensor_parallel":1})");
  const std::string text =
      R"({"weights":{"self_attn.q_proj":"w4c-sym"},"activations":{"mlp_mid":"a8-g40-asym"},"keys":"k4-head-asym",)"
      R"("values":null,"tensor_parallel":2})";
  const ModelPlan plan = parse_model_plan(parse_json(text, "text"), 5, "text");
  EXPECT_EQ(to_json(plan).dump(), text);
  EXPECT_EQ(form_version(plan), 1);
  EXPECT_EQ(plan.blocks.size(), 5u);
  EXPECT_EQ(to_string(plan.block(4).at(Site::kMlpMiddle)), "a8-g40-asym");
}

TEST(ModelPlan, SaysInRulesWhatDiffersFromMostBlocks) {
  ModelPlan plan = uniform_plan(8, full_block());
  plan.blocks[0] = plan.blocks[7] = BlockPlan{};
  plan.blocks[3].weights[LinearSlot::kDown] = plan.blocks[4].weights[LinearSlot::kDown] =
      plan.blocks[6].weights[LinearSlot::kDown] = parse_quant_format("w8c-sym");
  plan.blocks[2].at(Site::kKey) = {.format = parse_quant_format("k4-channel-asym"),
                                   .transform = {},
                                   .range = RangeSource::kStatic,
                                   .key_stage = KeyStage::kBeforeRope};
  const OrderedJson json = to_json(plan);
  EXPECT_EQ(json["weights"]["mlp.up_proj"], "w4c-sym");
  const std::vector<std::string> rules = json["rules"];
  EXPECT_THAT(rules, ::testing::Contains("blocks[0].mlp.up_proj, blocks[7].mlp.up_proj = float"));
  EXPECT_THAT(rules, ::testing::Contains("blocks[3:5].mlp.down_proj, blocks[6].mlp.down_proj = w8c-sym"));
  EXPECT_THAT(rules, ::testing::Contains("blocks[2].key = k4-channel-asym static before-rope"));
  EXPECT_EQ(form_version(plan), 2);
  EXPECT_EQ(read_back(plan), plan);
}

template <class T, std::size_t n>
const T& pick(const std::array<T, n>& values, std::mt19937_64& random) {
  return values[random() % n];
}

SitePlan random_site(Site site, std::mt19937_64& random) {
  static constexpr std::array<const char*, 6> kTransforms{"hadamard4",   "hadamard12/3",   "kronecker3x4",
                                                          "dense6-each", "across4x3-each", "dense12"};
  SitePlan plan;
  const bool key = site == Site::kKey, value = site == Site::kValue;
  const char* text = key ? "k4-head-asym" : value ? "kv3-g4-asym" : "a8-token-asym-clip0.9";
  if (random() % 2) plan.format = parse_quant_format(text);
  if (random() % 3 == 0) plan.transform = parse_online_transform(pick(kTransforms, random));
  if (key && random() % 3 == 0) plan.range = RangeSource::kStatic;
  if (key) plan.key_stage = static_cast<KeyStage>(random() % 3);
  return plan;
}

TEST(ModelPlan, ComesBackWhateverDiffersBetweenBlocks) {
  static constexpr std::array kWeights{"w4g8-asym", "w8c-sym", "mxfp4", "w3g8-asym-mse"};
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<BlockPlan> kinds(1 + random() % 3);
    for (BlockPlan& block : kinds) {
      for (const LinearSlot slot : kLinearSlots) {
        if (random() % 2) block.weights[slot] = parse_quant_format(pick(kWeights, random));
      }
      for (const Site site : kSites) block.at(site) = random_site(site, random);
    }
    ModelPlan plan = uniform_plan(static_cast<std::int64_t>(1 + random() % 9), {}, 1 + static_cast<int>(random() % 4));
    for (BlockPlan& block : plan.blocks) block = kinds[random() % kinds.size()];
    if (random() % 2) plan.head = parse_quant_format("w8c-sym");
    if (random() % 2) plan.embedding = parse_quant_format("w4g8-asym");
    ASSERT_EQ(read_back(plan), plan) << to_json(plan).dump(1);
  }
}

TEST(PlanRule, ChangesThePlacesThatItNames) {
  ModelPlan plan = full_plan();
  const auto apply = [&](const char* rule) { apply_rule(plan, rule, "test"); };
  apply("blocks[0], blocks[-1] = bf16");
  EXPECT_EQ(plan.blocks[0], BlockPlan{});
  EXPECT_EQ(plan.blocks[1], full_block());
  EXPECT_EQ(plan.blocks[2], BlockPlan{});

  plan = full_plan();
  apply("mlp_mid = w8");  // the bits of what reads the site
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kDown), "w8g128-asym-mse");
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kUp), "w4c-sym");
  apply("blocks[1:].mlp.down_proj = float");
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kDown), "w8g128-asym-mse");
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kDown), "float");
  apply("blocks[*].attn_in = w3g16-asym hadamard16");
  EXPECT_EQ(format_of(plan, 2, LinearSlot::kV), "w3g16-asym");
  EXPECT_EQ(to_string(plan.block(2).at(Site::kAttentionInput)), "a8-token-asym hadamard16");
  apply("attn_in = float");  // the site's own format alone
  EXPECT_EQ(to_string(plan.block(0).at(Site::kAttentionInput)), "float hadamard16");
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kV), "w3g16-asym");
  apply("blocks[0] = kv8");
  EXPECT_EQ(to_string(plan.block(0).at(Site::kKey)), "k8-head-asym");
  EXPECT_EQ(to_string(plan.block(0).at(Site::kValue)), "v8-head-asym-clip0.95");
  apply("blocks[-2:].key = k4-channel-asym static before-bias");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kKey)), "k4-channel-asym static before-bias");
  apply("key = after-rope dynamic no-transform");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kKey)), "k4-channel-asym");
  apply("embedding, head = w8c-sym");
  EXPECT_EQ(to_string(*plan.embedding), "w8c-sym");
  apply("head = w4c-asym w6");
  EXPECT_EQ(to_string(*plan.head), "w6c-asym");
}

TEST(PlanRule, NamesWhatItCannotDo) {
  ModelPlan plan = full_plan();
  const auto failure = [&](const char* rule) { return error_of([&] { apply_rule(plan, rule, "plan.toml"); }); };
  EXPECT_THAT(failure("mlp_mid"), HasSubstr("no ="));
  EXPECT_THAT(failure("mlp_mid ="), HasSubstr("no words"));
  EXPECT_THAT(failure("mlp.gate = float"), AllOf(HasSubstr("mlp.gate"), HasSubstr("plan.toml")));
  EXPECT_THAT(failure("blocks[3] = float"), HasSubstr("the model's 3 blocks"));
  EXPECT_THAT(failure("blocks[-4] = float"), HasSubstr("blocks[-4]"));
  EXPECT_THAT(failure("blocks[2:2] = float"), HasSubstr("blocks[2:2]"));
  EXPECT_THAT(failure("blocks[5:9] = float"), HasSubstr("blocks[5:9]"));
  EXPECT_THAT(failure("blocks[x] = float"), HasSubstr("\"x\""));
  EXPECT_THAT(failure("blocks[] = float"), HasSubstr("blocks[]"));
  EXPECT_THAT(failure("blocks[1 = float"), HasSubstr("]"));
  EXPECT_THAT(failure("blocks[1]key = float"), HasSubstr("."));
  EXPECT_THAT(failure("key = w4c-sym v4-head-asym"), HasSubstr("w4c-sym"));
  EXPECT_THAT(failure("mlp.down_proj = a8-token-asym"), HasSubstr("a8-token-asym"));
  EXPECT_THAT(failure("head = hadamard8"), HasSubstr("site alone"));
  EXPECT_THAT(failure("head = w8"), HasSubstr("bits"));
  EXPECT_THAT(failure("mlp_mid = w9"), HasSubstr("9 bits"));
  EXPECT_THAT(failure("mlp_mid = fliat"), AllOf(HasSubstr("plan.toml: rule"), HasSubstr("fliat")));
  EXPECT_THAT(failure("mlp_mid = w99999999999"), HasSubstr("w99999999999"));
  EXPECT_THAT(failure("mlp_mid = hadamard12"), HasSubstr("power of two"));
  EXPECT_EQ(plan, full_plan());  // a rule that fails changes nothing
}

// A rule of one pass changes what the pass has said, and nothing else.
TEST(PlanRule, ReachesFormatsAloneWhereItIsOfAPass) {
  const BlockPlan said{.weights = {{LinearSlot::kQ, parse_quant_format("w4g8-asym")},
                                   {LinearSlot::kDown, parse_quant_format("w4c-sym")}},
                       .sites = {}};
  ModelPlan plan = uniform_plan(3, said);
  const auto apply = [&](const char* rule) { apply_rule(plan, rule, "test", RuleReach::kFormatted); };
  apply("blocks[1:] = w8c-sym");
  EXPECT_EQ(plan.blocks[0], said);
  EXPECT_EQ(plan.blocks[2].weights.size(), 2u);
  EXPECT_EQ(format_of(plan, 2, LinearSlot::kQ), "w8c-sym");
  apply("blocks[0].mlp.down_proj = float");
  apply("mlp_mid = w6");  // not brought back in block 0
  EXPECT_EQ(format_of(plan, 0, LinearSlot::kDown), "float");
  EXPECT_EQ(format_of(plan, 1, LinearSlot::kDown), "w6c-sym");
  apply("blocks[2].attn_in = float");
  EXPECT_EQ(format_of(plan, 2, LinearSlot::kQ), "float");
  EXPECT_EQ(format_of(plan, 2, LinearSlot::kDown), "w6c-sym");
  const ModelPlan before = plan;
  const auto failure = [&](const char* rule) { return error_of([&] { apply(rule); }); };
  EXPECT_THAT(failure("attn_in = before-rope"), HasSubstr("nothing quantized at \"attn_in\""));
  EXPECT_THAT(failure("blocks[0], blocks[0].mlp.down_proj = float"),
              HasSubstr("nothing quantized at \"blocks[0].mlp.down_proj\""));
  EXPECT_THAT(failure("mlp.up_proj = w8c-sym"), HasSubstr("nothing quantized at \"mlp.up_proj\""));
  EXPECT_THAT(failure("embedding = float"), HasSubstr("embedding"));
  EXPECT_THAT(failure("mlp_mid = a8-token-asym"), HasSubstr("nothing quantized at \"mlp_mid\""));
  EXPECT_THAT(failure("key = before-rope"), HasSubstr("nothing quantized at \"key\""));
  EXPECT_EQ(plan, before);
  plan.set_format(Site::kKey, parse_quant_format("k4-channel-asym"));
  EXPECT_THAT(failure("key = static"), HasSubstr("\"static\""));
  EXPECT_THAT(failure("key = hadamard8"), HasSubstr("\"hadamard8\""));
  apply("blocks[0] = float");
  EXPECT_THAT(failure("blocks[0].key = before-rope"), HasSubstr("nothing quantized"));
  apply("key = before-rope");
  EXPECT_EQ(to_string(plan.block(0).at(Site::kKey)), "float");
  EXPECT_EQ(to_string(plan.block(1).at(Site::kKey)), "k4-channel-asym before-rope");
}

TEST(OnlineTransform, ComesBackFromItsText) {
  for (const char* text :
       {"hadamard128", "hadamard1536/12", "hadamard24/12-each", "kronecker64x80", "kronecker4x4-each", "dense128",
        "dense7-each", "across12x128", "hadamard1", "hadamard32x128", "hadamard24/12x128", "hadamard24/12x64-each"}) {
    EXPECT_EQ(to_string(parse_online_transform(text)), text);
  }
  const OnlineTransform transform = parse_online_transform("hadamard1536/12");
  EXPECT_EQ(transform.left, 12);
  EXPECT_EQ(transform.right, 128);
  EXPECT_EQ(transform.run(), 1536);
  EXPECT_EQ(parse_online_transform("hadamard24/12x128").run(), 24 * 128);
  for (const char* text : {"hadamard", "hadamard0", "hadamard-8", "hadamard08", "hadamard8x0", "hadamard8x4-each",
                           "hadamard6x4", "hadamard8-each", "kronecker8", "kronecker8x", "dense8x8", "dense8-",
                           "across4", "fourier8", "kronecker1048576x2", "hadamard99999999999999999999"}) {
    EXPECT_THROW(parse_online_transform(text), Error) << text;
  }
}

TEST(ModelPlan, IsNamedByItsBitsAsInTheStudy) {
  EXPECT_EQ(short_name(uniform_plan(2)), "BF16");
  EXPECT_EQ(short_name(full_plan()), "W4A8KV4");
  ModelPlan weights = uniform_plan(2);
  weights.set_weight(LinearSlot::kQ, parse_quant_format("w3g128-asym"));
  EXPECT_EQ(short_name(weights), "W3A16KV16");
  weights.blocks[1].weights[LinearSlot::kK] = parse_quant_format("w8c-sym");
  EXPECT_EQ(short_name(weights), "W3-8A16KV16");
  ModelPlan cache = uniform_plan(2);
  cache.set_format(Site::kKey, parse_quant_format("k4-head-asym"));
  cache.set_format(Site::kValue, parse_quant_format("v3-head-asym"));
  EXPECT_EQ(short_name(cache), "W16A16K4V3");
}

TEST(ModelPlan, NamesWhatItCannotRead) {
  EXPECT_THAT(failure_of(R"({"weigths": {}})"), HasSubstr("weigths"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.x_proj": "w4c-sym"}})"), HasSubstr("self_attn.x_proj"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": "a8-token-asym"}})"), HasSubstr("a8-token-asym"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": "w99"}})"), HasSubstr("w99"));
  EXPECT_THAT(failure_of(R"({"weights": {"self_attn.q_proj": 4}})"), HasSubstr("self_attn.q_proj"));
  EXPECT_THAT(failure_of(R"({"weights": []})"), HasSubstr("weights"));
  EXPECT_THAT(failure_of(R"({"activations": {"key": "a8-token-asym"}})"), HasSubstr("key"));
  EXPECT_THAT(failure_of(R"({"activations": {"attn_in": "w8c-sym"}})"), HasSubstr("activations"));
  EXPECT_THAT(failure_of(R"({"keys": "v4-head-asym"})"), HasSubstr("v4-head-asym"));
  EXPECT_THAT(failure_of(R"({"keys": "a8-token-asym"})"), HasSubstr("a8-token-asym"));
  EXPECT_THAT(failure_of(R"({"tensor_parallel": 0})"), HasSubstr("tensor_parallel"));
  EXPECT_THAT(failure_of(R"({"rules": "head = float"})"), HasSubstr("rules"));
  EXPECT_THAT(failure_of(R"({"rules": ["blocks[3] = float"]})"), HasSubstr("blocks[3]"));
  EXPECT_THAT(failure_of(R"([])"), HasSubstr("array"));
}

// small_config: hidden 48, 4 heads of 12, 2 of keys and values, MLP 80, 3 layers.
TEST(ModelPlan, IsRefusedWhereItDoesNotFitTheModel) {
  const ModelConfig llama = small_config(Architecture::kLlama);
  const auto with = [&](std::vector<const char*> rules, int degree = 1,
                        Architecture architecture = Architecture::kLlama) {
    ModelPlan plan = uniform_plan(3, {}, degree);
    for (const char* rule : rules) apply_rule(plan, rule, "test");
    return error_of([&] { validate(plan, small_config(architecture), "plan"); });
  };
  const std::string fine = "no error";
  EXPECT_EQ(with({}), fine);
  EXPECT_THAT(error_of([&] { validate(uniform_plan(2), llama, "plan"); }), HasSubstr("2 blocks"));
  EXPECT_THAT(error_of([&] { uniform_plan(2).block(2); }), HasSubstr("block 2"));
  EXPECT_THAT(with({}, 3), HasSubstr("4 heads"));
  EXPECT_EQ(with({}, 4), fine);
  EXPECT_THAT(with({"blocks[1].mlp.down_proj = w4g81-sym"}), HasSubstr("blocks[1].mlp.down_proj"));

  EXPECT_EQ(with({"mlp_mid = a8-token-asym", "attn_in = a8-g16-asym"}), fine);
  EXPECT_THAT(with({"mlp_mid = a8-g30-asym"}), HasSubstr("groups of 30 in 80"));
  EXPECT_THAT(with({"mlp_mid = a8-channel-asym"}), HasSubstr("a8-channel-asym"));
  EXPECT_THAT(with({"mlp_mid = a8-token-asym"}, 2), HasSubstr("within a shard"));
  EXPECT_EQ(with({"mlp_mid = a8-g40-asym", "attn_in = a8-token-asym"}, 2), fine);
  EXPECT_THAT(with({"mlp_mid = a8-g80-asym"}, 2), HasSubstr("groups of 80 in 40"));

  EXPECT_EQ(with({"key = k4-channel-asym static before-rope", "value = v4-g6-asym"}), fine);
  EXPECT_THAT(with({"key = k4-channel-asym"}), HasSubstr("static parameters"));
  EXPECT_THAT(with({"key = k4-head-asym static"}), HasSubstr("per channel"));
  EXPECT_THAT(with({"value = v4-channel-asym static"}), HasSubstr("keys alone"));
  EXPECT_THAT(with({"key = k:fp8e4m3-channel static"}), HasSubstr("integers per channel"));
  EXPECT_EQ(with({"key = k:fp8e4m3-tensor static", "value = v8-tensor-sym static", "mlp_mid = a:nvfp4 static"}), fine);
  EXPECT_EQ(with({"attn_in = a8-tensor-asym static", "mlp_mid = a:fp8e4m3-tensor static"}, 2), fine);
  EXPECT_THAT(with({"attn_in = a8-tensor-asym"}), HasSubstr("a8-tensor-asym"));
  EXPECT_THAT(with({"attn_in = a8-token-asym static"}), HasSubstr("per tensor"));
  EXPECT_THAT(with({"attn_in = static"}), HasSubstr("static parameters"));
  EXPECT_THAT(with({"attn_in = a8-token-asym before-rope"}), HasSubstr("keys alone"));
  EXPECT_THAT(with({"key = before-rope"}), HasSubstr("keys alone"));
  EXPECT_THAT(with({"key = k4-head-asym before-bias"}), HasSubstr("key bias"));
  EXPECT_EQ(with({"key = k4-head-asym before-bias"}, 1, Architecture::kQwen2), fine);
  EXPECT_THAT(with({"value = v4-g24-asym"}), HasSubstr("heads of 12"));
  EXPECT_THAT(with({"value = v4-tensor-asym"}), HasSubstr("v4-tensor-asym"));

  EXPECT_EQ(with({"attn_in = hadamard16", "mlp_mid = kronecker8x10-each", "key = dense12", "value = hadamard4"}), fine);
  EXPECT_THAT(with({"attn_in = hadamard32"}), HasSubstr("rows of 48"));
  EXPECT_THAT(with({"mlp_mid = kronecker8x10"}, 2), HasSubstr("rows of 40"));
  EXPECT_THAT(with({"value = dense24"}), HasSubstr("divides the head"));
  EXPECT_THAT(with({"key = kronecker3x4"}), HasSubstr("hadamard or dense"));
  EXPECT_THAT(with({"key = dense12-each"}), HasSubstr("hadamard or dense"));
  EXPECT_THAT(with({"head = w8c-sym"}, 1, Architecture::kQwen2), HasSubstr("tied"));

  EXPECT_EQ(with({"attn_in = a4-token-asym learned-clip", "value = v4-head-sym learned-clip"}), fine);
  EXPECT_EQ(with({"mlp_mid = a4-g40-asym learned-clip"}, 2), fine);
  EXPECT_THAT(with({"attn_in = learned-clip"}), HasSubstr("range is found online"));
  EXPECT_THAT(with({"key = k4-channel-asym static learned-clip"}), HasSubstr("range is found online"));
  EXPECT_THAT(with({"attn_in = a4-token-asym-clip0.9 learned-clip"}), HasSubstr("without a clip"));
  EXPECT_THAT(with({"value = v4-g6-asym learned-clip"}), HasSubstr("per token or head"));
  EXPECT_THAT(with({"attn_in = a:fp8e4m3 learned-clip"}), HasSubstr("integers"));
}

TEST(ModelPlan, SaysWhereClipRatiosAreLearned) {
  ModelPlan plan = full_plan();
  EXPECT_EQ(form_version(plan), 1);
  apply_rule(plan, "blocks[0:2].mlp_mid, blocks[0:2].key = learned-clip", "test");
  EXPECT_EQ(read_back(plan), plan);
  EXPECT_EQ(form_version(plan), 2);
  EXPECT_EQ(to_string(plan.block(1).at(Site::kMlpMiddle)), "a8-token-asym learned-clip");
  apply_rule(plan, "mlp_mid, key = format-clip", "test");
  EXPECT_EQ(plan, full_plan());
  EXPECT_THROW(apply_rule(plan, "key = learned-clip", "test", RuleReach::kFormatted), Error);
}

TEST(ModelPlan, NamesTheTensorsOfItsSites) {
  ModelPlan plan = uniform_plan(3);
  apply_rule(plan, "blocks[1].mlp_mid = kronecker8x5-each", "test");
  apply_rule(plan, "blocks[2].key = k4-channel-asym static dense6", "test");
  apply_rule(plan, "blocks[2].value = hadamard12/3", "test");
  apply_rule(plan, "blocks[2].attn_in = hadamard16", "test");
  apply_rule(plan, "blocks[2].mlp_mid = a4-g40-asym learned-clip", "test");
  apply_rule(plan, "blocks[0].mlp_in = a8-tensor-asym static", "test");
  apply_rule(plan, "blocks[0].mlp_mid = a:nvfp4 static", "test");
  std::vector<std::string> texts;
  for (const PlanTensor& tensor : plan_tensors(small_config(Architecture::kLlama), plan)) {
    std::string text = tensor.name;
    for (const std::int64_t size : tensor.shape) text += " " + std::to_string(size);
    texts.push_back(text);
  }
  EXPECT_THAT(texts,
              ElementsAre("model.layers.0.mlp_in.static.scale 1", "model.layers.0.mlp_in.static.zero 1",
                          "model.layers.0.mlp_mid.static.global_scale 1", "model.layers.1.mlp_mid.transform.left 2 8 8",
                          "model.layers.1.mlp_mid.transform.right 2 5 5", "model.layers.2.mlp_mid.clip.min 2",
                          "model.layers.2.mlp_mid.clip.max 2", "model.layers.2.key.transform.right 6 6",
                          "model.layers.2.key.transform.query 6 6", "model.layers.2.key.static.scale 24",
                          "model.layers.2.key.static.zero 24", "model.layers.2.value.transform.left 3 3"));
}

// methods.md section 1: a scale a channel or token becomes one a shard.
TEST(ModelPlan, GivesShardsOfRowParallelLinearsScalesOfTheirOwn) {
  const auto text = [](const char* format, int degree) {
    return to_string(sharded(parse_quant_format(format), 80, degree));
  };
  EXPECT_EQ(text("w4c-sym-mse", 2), "w4g40-sym-mse");
  EXPECT_EQ(text("a8-token-asym-clip0.9", 4), "a8-g20-asym-clip0.9");
  EXPECT_EQ(text("w4g16-asym", 2), "w4g16-asym");
  EXPECT_EQ(text("w4c-sym", 1), "w4c-sym");
}

TEST(Site, NamesItsPlacesAsHuggingFaceDoes) {
  EXPECT_EQ(linear_name(3, LinearSlot::kDown), "model.layers.3.mlp.down_proj");
  EXPECT_EQ(linear_name(0, LinearSlot::kQ), "model.layers.0.self_attn.q_proj");
  EXPECT_EQ(block_tensor_name(12, kInputNorm), "model.layers.12.input_layernorm.weight");
  EXPECT_EQ(input_site(LinearSlot::kV), Site::kAttentionInput);
  EXPECT_EQ(input_site(LinearSlot::kO), Site::kAttentionOutput);
  EXPECT_EQ(input_site(LinearSlot::kUp), Site::kMlpInput);
  EXPECT_EQ(input_site(LinearSlot::kDown), Site::kMlpMiddle);
  for (const LinearSlot slot : kLinearSlots) {
    EXPECT_EQ(is_row_parallel(slot), slot == LinearSlot::kO || slot == LinearSlot::kDown);
    EXPECT_EQ(is_row_parallel(input_site(slot)), is_row_parallel(slot));
    EXPECT_EQ(site_width(small_config(Architecture::kLlama), input_site(slot)),
              linear_shape(small_config(Architecture::kLlama), slot).columns);
  }
}

}  // namespace
}  // namespace qreason
