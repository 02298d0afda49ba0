#include "quantize/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "quantize/cost.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/passes/correct_biases.h"
#include "quantize/passes/fold_norms.h"
#include "quantize/passes/insert_outliers.h"
#include "quantize/passes/measure_channels.h"
#include "quantize/passes/pass_table.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/passes/round_rtn.h"
#include "quantize/passes/set_kv_format.h"
#include "quantize/passes/smooth_norms.h"
#include "quantize/recipe_run.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "quantize/target.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using testing::expect_runs;
using testing::format_of;
using ::testing::HasSubstr;
using testing::message_of;
using testing::method;
using testing::small_model;
using testing::split_list;

// 128 columns everywhere, which the examples' groups divide, and biases where the class may have any.
testing::RandomModel model_for_examples(Architecture architecture) {
  ModelConfig config = testing::small_config(architecture);
  if (facts_of(architecture).attention_bias == ArchitectureFacts::AttentionBias::kConfigured) {
    config.qkv_bias = config.output_bias = true;
  }
  config.hidden_size = config.intermediate_size = 128;
  config.heads = 4;
  config.head_dim = 32;
  config.layers = 2;
  return testing::RandomModel(config, 3);
}

// The examples of every method on every architecture.
TEST(Methods, QuantizeEveryArchitecture) {
  for (const Architecture architecture : kArchitectures) {
    if (architecture == Architecture::kQwen2) continue;  // of the next test
    SCOPED_TRACE(hf_class_name(architecture));
    const testing::RandomModel model = model_for_examples(architecture);
    for (const Method& row : all_methods()) {
      for (const std::string& name : split_list(row.example)) {
        Recipe recipe = method(name);
        if (recipe.calibration) recipe.calibration->length = 24;
        expect_runs(recipe, model, {.cost = testing::TrialRun::Cost::kSizes});
      }
    }
  }
}

TEST(Methods, MakeRecipesThatGoAllTheWay) {
  const testing::RandomModel model = model_for_examples(Architecture::kQwen2);
  for (const Method& row : all_methods()) {
    const std::vector<std::string> examples = split_list(row.example);
    EXPECT_FALSE(examples.empty()) << row.name;
    std::vector<std::string> names = examples;
    for (const char* spec : {"w4c-tp2", "w8a8kv8", "w4a4k4v3-tp2", "kv4", "k3v4-tp2"}) {
      names.push_back(std::string(row.name) + "-" + spec);
    }
    for (const std::string& name : names) {
      SCOPED_TRACE(name);
      std::optional<Recipe> recipe;
      try {
        recipe = method(name);
      } catch (const Error& error) {
        // Not every method quantizes everything: what it does not is refused by name.
        EXPECT_EQ(error.kind(), ErrorKind::kUsage);
        EXPECT_THAT(error.what(), HasSubstr("method " + name));
        EXPECT_EQ(std::count(examples.begin(), examples.end(), name), 0);
      }
      if (!recipe) continue;
      EXPECT_THAT(to_toml(*recipe), HasSubstr("name = \"" + name + "\""));
      if (recipe->calibration) recipe->calibration->length = 24;
      expect_runs(*recipe, model);
    }
  }
}

std::string pass_text(const std::string& kind) {
  for (const PassRow& row : all_passes()) {
    if (row.kind == kind) return "[[pass]]\nkind = \"" + kind + "\"\n" + std::string(row.example) + "\n";
  }
  throw Error("test", kind, "a pass of the table");
}

std::vector<std::string_view> reads_of(const PassPointer& pass) {
  if (const auto* exact = std::get_if<std::shared_ptr<const ExactPass>>(&pass)) return (*exact)->reads();
  if (const auto* plan = std::get_if<std::shared_ptr<const PlanPass>>(&pass)) return (*plan)->reads();
  return {};
}

// The first pass of the table that reads what a statistics pass measures. Keys are read where they are per channel, a
// cache where it is per tensor, which the example of set_kv_format has not; sensitivities under a budget, which the
// example of round_rtn has not.
std::string reader_of(const std::string& statistics) {
  if (statistics == "measure_keys") return "[[pass]]\nkind = \"set_kv_format\"\nkeys = \"k4-channel-asym\"\n";
  if (statistics == "measure_cache") return "[[pass]]\nkind = \"set_kv_format\"\nkeys = \"k:fp8e4m3-tensor\"\n";
  if (statistics == "measure_sensitivity") {
    return "[[pass]]\nkind = \"round_rtn\"\nbudget = 3.7\ncandidates = [\"w2g64-asym\", \"w4g64-asym\"]\n";
  }
  for (const PassRow& row : all_passes()) {
    const std::string text = pass_text(std::string(row.kind));
    const auto reads = reads_of(parse_recipe(text, "test").passes.front());
    if (std::find(reads.begin(), reads.end(), statistics) != reads.end()) return text;
  }
  throw Error("test", statistics, "a pass that reads it");
}

// Every pass by its example, with what it needs around it: measured before, read after, rounded before or after.
void expect_passes_run(Architecture architecture) {
  const testing::RandomModel model = model_for_examples(architecture);
  for (const PassRow& row : all_passes()) {
    const std::string kind(row.kind);
    std::string text = "name = \"" + kind + "\"\n[calibration]\nlength = 24\n";
    const PassPointer pass = parse_recipe(pass_text(kind), "test").passes.front();
    EXPECT_EQ(pass_of(pass).kind(), kind);
    EXPECT_FALSE(row.purpose.empty());
    for (const std::string_view read : reads_of(pass)) text += pass_text(std::string(read));
    const auto* block = std::get_if<std::shared_ptr<const BlockPass>>(&pass);
    if (block && (*block)->work() == BlockWork::kCorrect) text += pass_text("round_rtn");
    if (kind == "rotate_residual") text += pass_text("fold_norms");
    text += pass_text(kind);
    if (block && (*block)->work() == BlockWork::kPrepare) text += pass_text("round_rtn");
    if (std::holds_alternative<std::shared_ptr<const StatisticsPass>>(pass)) text += reader_of(kind);
    const Recipe recipe = parse_recipe(text, "test");
    if (kind == "correct_biases" && !model.config().qkv_bias) {
      EXPECT_THAT(message_of([&] { validate(recipe, model.config()); }), HasSubstr("correct_biases"));
      continue;
    }
    using Cost = testing::TrialRun::Cost;
    expect_runs(recipe, model, {.cost = architecture == Architecture::kQwen2 ? Cost::kMeasured : Cost::kSizes});
  }
}

TEST(Passes, GoAllTheWayByTheirExamples) {
  for (const Architecture architecture : kArchitectures) {
    SCOPED_TRACE(hf_class_name(architecture));
    expect_passes_run(architecture);
  }
}

TEST(Recipe, TakesTheTypeInWhichScalesAreStored) {
  const auto format = [](const std::string& type) {
    return format_of(validate(method("rtn-w4g32", {"scale_type=" + type}), small_model()), LinearSlot::kDown);
  };
  EXPECT_EQ(format("float32"), "w4g32-asym");
  EXPECT_EQ(format("float16"), "w4g32-asym-sf16");
  EXPECT_EQ(format("bfloat16"), "w4g32-asym-sbf16");
  EXPECT_THAT(message_of([&] { format("float8"); }), HasSubstr("float8"));
}

TEST(Recipe, ReadsWhatAPersonWrites) {
  const Recipe recipe = parse_recipe(R"(
name = "mine"   # a comment
seed = 7
[calibration]
source = "notes.txt"
length = 512
[[pass]]
kind = "set_kv_format"
keys = "k4-head-asym"
[[pass]]
kind = "round_gptq"
format = "w4g32-sym"
damping = 1e-1
act_order = false
)",
                                     "mine.toml");
  EXPECT_EQ(recipe.name, "mine");
  EXPECT_EQ(recipe.seed, 7u);
  EXPECT_EQ(recipe.calibration, (CalibrationSpec{.source = "notes.txt", .samples = 128, .length = 512}));
  ASSERT_EQ(recipe.passes.size(), 2u);
  EXPECT_EQ(std::get<double>(pass_of(recipe.passes[1]).parameters().at("damping")), 0.1);
  const ModelPlan plan = validate(recipe, small_model());
  EXPECT_EQ(format_of(plan, LinearSlot::kQ), "w4g32-sym");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kKey)), "k4-head-asym");
  EXPECT_FALSE(plan.blocks.back().at(Site::kValue).format);
}

TEST(Recipe, TellsWhereATextIsWrong) {
  const auto parse = [](const std::string& text) { return message_of([&] { parse_recipe(text, "r.toml"); }); };
  EXPECT_THAT(parse("name = \n"), HasSubstr("r.toml:1"));
  EXPECT_THAT(parse("nome = \"x\""), HasSubstr("unknown parameter nome"));
  EXPECT_THAT(parse("[[pass]]\nkind = \"round_up\""), HasSubstr("round_gptq"));
  EXPECT_THAT(parse("[[pass]]\nkind = \"round_rtn\"\nformat = \"w4g32-asym\"\nbits = 4"),
              HasSubstr("unknown parameter bits"));
  EXPECT_THAT(parse("[[pass]]\nkind = \"round_gptq\"\nformat = \"w4g32-asym\"\ndamping = \"much\""),
              HasSubstr("a number"));
  EXPECT_THAT(parse("[[pass]]\nkind = \"round_gptq\"\nformat = \"w4g32-asym\"\ndamping = 1.0"), HasSubstr("damping"));
  EXPECT_THAT(parse("[[pass]]\nformat = \"w4g32-asym\""), HasSubstr("kind"));
  EXPECT_THAT(parse("[[pass]]\nkind = \"round_rtn\""), HasSubstr("round_rtn: format: none"));
  EXPECT_THAT(parse("[calibration]\nlength = 0"), HasSubstr("calibration: length: 0"));
  EXPECT_THAT(parse("pass = 3"), HasSubstr("[[pass]]"));
  EXPECT_THAT(parse("tensor_parallel = 0"), HasSubstr("tensor_parallel"));
  EXPECT_THAT(parse("seed = -1"), HasSubstr("seed"));
  EXPECT_THAT(parse("name = [1]"), HasSubstr("line 1"));
  for (const char* name : {"", "../../evil", "..", "a\\nb\\u001b[31m"}) {
    EXPECT_THAT(parse(std::string("name = \"") + name + "\""), HasSubstr("a name without slashes")) << name;
  }
}

TEST(Recipe, RefusesPassesInAnOrderWithoutMeaning) {
  const auto refuse = [](Recipe recipe) { return message_of([&] { validate(recipe, small_model()); }); };
  const WeightRounding all{.format = parse_quant_format("w4g32-asym")};
  const WeightRounding some{.format = all.format, .linears = {LinearSlot::kQ, LinearSlot::kDown}};
  Recipe twice{.name = "twice", .passes = {round_rtn(all), round_rtn(some)}};
  EXPECT_THAT(refuse(twice), HasSubstr("round_rtn after round_rtn, both of which round self_attn.q_proj"));
  Recipe no_data{.name = "no-data", .passes = {round_gptq(all, {})}};
  EXPECT_THAT(refuse(no_data), HasSubstr("round_gptq without a [calibration]"));
  const CalibrationSpec data;
  const auto refuse_all = [&](std::vector<PassPointer> passes) {
    return refuse({.name = "order", .calibration = data, .passes = std::move(passes)});
  };
  EXPECT_THAT(refuse_all({round_rtn(all), fold_norms()}), HasSubstr("fold_norms after round_rtn"));
  EXPECT_THAT(refuse_all({round_rtn(all), measure_channels()}), HasSubstr("measure_channels after round_rtn"));
  EXPECT_THAT(refuse_all({smooth_norms(0.5), round_rtn(all)}), HasSubstr("smooth_norms without measure_channels"));
  EXPECT_THAT(refuse_all({measure_channels(), round_rtn(all)}), HasSubstr("measure_channels that no pass reads"));
  EXPECT_THAT(refuse_all({measure_channels(), fold_norms(), smooth_norms(0.5)}),
              HasSubstr("fold_norms between measure_channels and smooth_norms"));
  EXPECT_THAT(refuse_all({measure_channels(), smooth_norms(0.5), smooth_norms(0.5)}),
              HasSubstr("smooth_norms between measure_channels and smooth_norms"));
  EXPECT_THAT(refuse_all({measure_channels(), measure_channels(), smooth_norms(0.5)}),
              HasSubstr("measure_channels twice"));
  EXPECT_EQ(refuse_all({measure_channels(), smooth_norms(0.5), measure_channels(), smooth_norms(0.5)}), "no error");
  EXPECT_THAT(refuse_all({correct_biases(), round_rtn(all)}), HasSubstr("correct_biases before anything is rounded"));
  EXPECT_THAT(refuse_all({round_rtn(some), correct_biases(), round_rtn({all.format, {LinearSlot::kUp}})}),
              HasSubstr("round_rtn after correct_biases"));
  EXPECT_THAT(refuse_all({round_rtn(all), correct_biases()}), HasSubstr("has a bias"));
  EXPECT_THAT(refuse_all({insert_outliers({.channels = 9})}), HasSubstr("insert_outliers: channels: 9"));
  const auto keys = parse_quant_format("k4-head-asym");
  Recipe same_plan{.name = "same", .passes = {set_kv_format(keys, {}), set_kv_format(keys, {})}};
  EXPECT_THAT(refuse(same_plan), HasSubstr("set_kv_format twice"));
  EXPECT_THAT(refuse(Recipe{.name = "empty"}), HasSubstr("no pass"));
}

TEST(Recipe, NamesTheLinearAndSizesThatDoNotFit) {
  const auto refuse = [](const std::string& name, std::vector<std::string> settings = {}) {
    return message_of([&] { validate(method(name, settings), small_model()); });
  };
  EXPECT_THAT(refuse("rtn-w4g100"), HasSubstr("self_attn.q_proj: groups of 100 in 128 columns"));
  EXPECT_THAT(refuse("rtn-w4c-tp3"), HasSubstr("tensor_parallel"));
  EXPECT_THAT(refuse("rtn-w4a8", {"group=256"}), HasSubstr("groups of 256 in 128 columns"));
  EXPECT_THAT(refuse("rtn-kv4", {"kv_group=24"}), HasSubstr("groups of 24 in heads of 32"));
  EXPECT_THAT(refuse("gptq-w4g32", {"length=5000"}), HasSubstr("4096"));
  EXPECT_THAT(refuse("gptq-w4g32", {"samples=0"}), HasSubstr("samples"));
  // One group of four in eight has one sign, and a true range without 0 in it cuts its weights off.
  EXPECT_THAT(refuse("awq-w4g4"), HasSubstr("w4g4-asym-true, expected groups of 8 or more"));
  EXPECT_EQ(refuse("awq-w4g8"), "no error");
  EXPECT_EQ(refuse("rtn-w4g4"), "no error");
}

// methods.md section 1: per channel at degree t, o and down have groups of in / t, and their inputs are quantized per
// shard.
TEST(Recipe, SplitsRowParallelLinearsUnderTensorParallelism) {
  const ModelPlan plan = validate(method("rtn-w4a8kv4-tp2"), small_model());
  EXPECT_EQ(plan.tensor_parallel, 2);
  EXPECT_EQ(format_of(plan, LinearSlot::kQ), "w4c-sym");
  EXPECT_EQ(format_of(plan, LinearSlot::kO), "w4g64-sym");
  EXPECT_EQ(format_of(plan, LinearSlot::kDown), "w4g192-sym");
  EXPECT_EQ(plan.blocks.back().at(Site::kAttentionInput).format->granularity, Granularity::kToken);
  EXPECT_EQ(plan.blocks.back().at(Site::kAttentionOutput).format->group_size, 64);
  EXPECT_EQ(plan.blocks.back().at(Site::kMlpMiddle).format->group_size, 192);
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kKey)), "k4-head-asym");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kValue)), "v4-head-asym");
  // Grouped weights stay as they are.
  EXPECT_EQ(format_of(validate(method("rtn-w4g32-tp2"), small_model()), LinearSlot::kDown), "w4g32-asym");
}

TEST(Methods, HaveTheStudysDefaults) {
  const auto gptq = [](const std::string& name) { return pass_of(method(name).passes.back()).parameters(); };
  EXPECT_EQ(std::get<std::string>(gptq("gptq-w4g128").at("format")), "w4g128-asym-mse");
  EXPECT_TRUE(std::get<bool>(gptq("gptq-w4g128").at("act_order")));
  EXPECT_TRUE(std::get<bool>(gptq("gptq-w4g128").at("static_groups")));
  EXPECT_EQ(std::get<double>(gptq("gptq-w4g128").at("damping")), 0.01);
  EXPECT_EQ(std::get<std::int64_t>(gptq("gptq-w4g128").at("block_size")), 128);
  EXPECT_EQ(std::get<std::string>(gptq("gptq-w4c").at("format")), "w4c-sym-mse");
  EXPECT_FALSE(std::get<bool>(gptq("gptq-w4c").at("act_order")));
  EXPECT_EQ(std::get<std::string>(gptq("rtn-w3g32").at("format")), "w3g32-asym");
  EXPECT_EQ(std::get<std::string>(gptq("rtn-w8a8kv8").at("format")), "w8c-sym");
}

TEST(Methods, TakeNamedParameters) {
  const Recipe recipe = method(
      "gptq-w4a8kv4", {"symmetric=true", "mse_search=false", "group=64", "act_order=false", "static_groups=false",
                       "damping=0.05", "block_size=32", "activation_symmetric=true", "activation_clip=0.9",
                       "key_clip=0.95", "value_clip=1", "kv_group=16", "samples=4", "length=256"});
  EXPECT_EQ(recipe.calibration, (CalibrationSpec{.samples = 4, .length = 256}));
  const ModelPlan plan = validate(recipe, small_model());
  EXPECT_EQ(format_of(plan, LinearSlot::kUp), "w4g64-sym");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kMlpInput)), "a8-token-sym-clip0.9");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kKey)), "k4-g16-asym-clip0.95");
  EXPECT_EQ(to_string(plan.blocks.back().at(Site::kValue)), "v4-g16-asym");
  const ParameterMap gptq = pass_of(recipe.passes.back()).parameters();
  EXPECT_FALSE(std::get<bool>(gptq.at("act_order")));
  EXPECT_FALSE(std::get<bool>(gptq.at("static_groups")));
  EXPECT_EQ(std::get<double>(gptq.at("damping")), 0.05);
  EXPECT_EQ(std::get<std::int64_t>(gptq.at("block_size")), 32);
}

// What a name says cannot be set to something else; what it leaves open and is set stands in the recipe's name.
TEST(Methods, AreCalledWhatTheyDo) {
  const auto refuse = [](const std::string& name, const std::string& setting) {
    return message_of([&] { method(name, {setting}); });
  };
  EXPECT_THAT(refuse("gptq-w4g64", "group=0"), HasSubstr("group: 0 under the name gptq-w4g64"));
  EXPECT_THAT(refuse("gptq-w4g64", "group=-1"), HasSubstr("a name with c"));
  EXPECT_THAT(refuse("rtn-w4g64", "group=32"), HasSubstr("a name with g32"));
  EXPECT_THAT(refuse("rtn-w4c", "group=32"), HasSubstr("group: 32 under the name rtn-w4c"));
  EXPECT_EQ(method("rtn-w4g64", {"group=64"}).name, "rtn-w4g64");
  EXPECT_EQ(method("rtn-w4c", {"group=0"}).name, "rtn-w4c");
  EXPECT_EQ(method("rtn-w8a8kv8", {"group=0"}).name, "rtn-w8a8kv8");
  EXPECT_EQ(method("rtn-w8a8kv8-tp2", {"group=32"}).name, "rtn-w8g32a8kv8-tp2");
  EXPECT_EQ(method("rtn-w8g32a8kv8-tp2").name, "rtn-w8g32a8kv8-tp2");
  const auto with_degree = [](const std::string& name, int degree) { return make_recipe(name, {}, degree); };
  EXPECT_THAT(message_of([&] { with_degree("gptq-w4c-tp4", 2); }), HasSubstr("--tp: 2 under the name gptq-w4c-tp4"));
  EXPECT_THAT(message_of([&] { with_degree("gptq-w4c-tp1", 2); }), HasSubstr("--tp: 2"));
  EXPECT_EQ(with_degree("gptq-w4c-tp4", 4).name, "gptq-w4c-tp4");
  EXPECT_EQ(with_degree("gptq-w4c", 2).name, "gptq-w4c-tp2");
  EXPECT_EQ(with_degree("gptq-w4c", 2).tensor_parallel, 2);
  EXPECT_EQ(with_degree("gptq-w4c", 1).name, "gptq-w4c");
}

TEST(Recipe, RoundsSomeLinearsEachInAWayOfItsOwn) {
  const auto parse = [](const std::string& linears) {
    return parse_recipe("[[pass]]\nkind = \"round_rtn\"\nformat = \"w4g32-asym\"\nlinears = \"" + linears + "\"", "r");
  };
  const ModelPlan plan = validate(parse("down,q"), small_model());
  const BlockPlan& block = plan.blocks.back();
  EXPECT_EQ(block.weights.size(), 2u);
  EXPECT_TRUE(block.weights.contains(LinearSlot::kQ) && block.weights.contains(LinearSlot::kDown));
  EXPECT_THAT(to_toml(parse("down,q")), HasSubstr("linears = \"q, down\""));
  EXPECT_EQ(to_toml(parse("v, q, k, o, up, gate, down")), to_toml(parse("all")));
  EXPECT_THAT(message_of([&] { parse("q, q"); }), HasSubstr("q twice"));
  EXPECT_THAT(message_of([&] { parse("query"); }), HasSubstr("gate, up, down"));
  EXPECT_THAT(message_of([&] { parse(""); }), HasSubstr("linears"));
}

TEST(Methods, RefuseParametersTheyDoNotHaveAndListThoseTheyHave) {
  const auto refuse = [](const std::string& name, const std::string& setting) {
    return message_of([&] { method(name, {setting}); });
  };
  EXPECT_THAT(refuse("rtn-w4g32", "damping=0.1"),
              HasSubstr("embedding, group, head, mse_search, scale_type, sensitivity_tokens, symmetric"));
  EXPECT_THAT(refuse("gptq-w4g32", "dampening=0.1"), HasSubstr("damping"));
  EXPECT_THAT(refuse("gptq-w4g32", "key_clip=0.9"), HasSubstr("unknown parameter key_clip"));
  EXPECT_THAT(refuse("gptq-w4g32", "act_order=1"), HasSubstr("true or false"));
  EXPECT_THAT(refuse("gptq-w4g32", "damping"), HasSubstr("key=value"));
  EXPECT_THAT(refuse("rtn-w8a8kv8", "activation_clip=1.5"), HasSubstr("(0, 1]"));
  EXPECT_THAT(refuse("gptq-w4g32", "candidates=2,3"), HasSubstr("candidates without a budget"));
  EXPECT_THAT(refuse("gptq-w4g32", "length=-5"), HasSubstr("length: -5, expected a count, 1 or more"));
  EXPECT_THAT(refuse("gptq-w4g32", "samples=0"), HasSubstr("samples: 0"));
  EXPECT_THAT(refuse("gptq-w4g32", "embedding=w8g64"), HasSubstr("embedding: number format \"w8g64\": no -sym"));
  EXPECT_THAT(refuse("flatquant-w4c", "learning_rate=inf"), HasSubstr("learning_rate: \"inf\", expected a number"));
  EXPECT_THAT(refuse("flatquant-w4c", "batch_order=foo"), HasSubstr("batch_order: foo, expected shuffled, sequential"));
}

TEST(Target, ReadsNamesAndTellsWhatIsWrongWithThem) {
  const Target target = parse_target("rtn-w3a8k4v2-tp4");
  EXPECT_EQ(target.method, "rtn");
  EXPECT_EQ(target.weight->bits, 3);
  EXPECT_TRUE(target.per_channel());
  EXPECT_EQ(target.activation->bits, 8);
  EXPECT_EQ(target.keys->bits, 4);
  EXPECT_EQ(target.values->bits, 2);
  EXPECT_EQ(target.tensor_parallel, 4);
  EXPECT_FALSE(parse_target("rtn-w16a16kv4").weight);
  for (const char* wrong :
       {"rtn", "rtn-", "rtn-w9g32", "rtn-w1c", "rtn-w4", "rtn-w4g0", "rtn-w4g", "rtn-w4g32x", "rtn-w4ck4",
        "rtn-w4c-tp0", "rtn-w16a16kv16", "-w4c", "rtn-w99999999999999999999c", "rtn-w4c-tp2-tp2"}) {
    EXPECT_THROW(parse_target(wrong), Error) << wrong;
  }
  EXPECT_THAT(message_of([] { method("rnt-w4g32"); }), HasSubstr("rtn, gptq"));
}

}  // namespace
}  // namespace qreason
