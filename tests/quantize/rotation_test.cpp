// QuaRot's passes: exactness in float64, what a plan says of them, what is refused; the microscaling methods.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "model/reference_block.h"
#include "quantize/exact_views.h"
#include "quantize/passes/hadamard_rotation.h"
#include "quantize/recipe_support.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using testing::exact;
using ::testing::HasSubstr;
using testing::message_of;

struct ModelCase {
  const char* name;
  ModelConfig config;
};

// No power of two anywhere: hidden 48 = 12 x 4, heads of 12, 80 = 40 x 2; 72 = 36 x 2 of Paley's second kind; 60 heads'
// ..
std::vector<ModelCase> model_cases() {
  ModelConfig qwen = testing::small_config(Architecture::kQwen2), untied = qwen;
  untied.tied_embeddings = false;
  ModelConfig llama = testing::small_config(Architecture::kLlama), biased = llama, many = llama;
  biased.qkv_bias = biased.output_bias = biased.mlp_bias = true;
  biased.kv_heads = biased.heads;
  many.hidden_size = 72;
  many.intermediate_size = 224;  // 28 x 8, and 56 = 28 x 2 a shard of four
  many.heads = many.kv_heads = 12;
  many.head_dim = 20;
  many.tied_embeddings = true;
  ModelConfig wide = testing::small_configs().back();
  return {{"qwen2 tied", qwen},
          {"qwen2", untied},
          {"llama", llama},
          {"llama MHA, biases", biased},
          {"llama 12", many},
          {"qwen3", testing::small_config(Architecture::kQwen3)},
          {"qwen3, wide and biased", wide},
          {"mistral", testing::small_config(Architecture::kMistral)}};
}

using Views = std::vector<std::pair<std::string, ParameterMap>>;

TEST(Rotation, KeepsTheFunctionInFloat64) {
  for (const ModelCase& one : model_cases()) {
    const testing::RandomModel model(one.config, 21, at::kDouble);
    const at::Tensor want = testing::double_logits(model);
    for (const std::int64_t shards : {1, 2, 4}) {
      SCOPED_TRACE(std::string(one.name) + " " + std::to_string(shards));
      const Views residual{{"fold_norms", {}}, {"rotate_residual", {{"seed", std::int64_t{5}}}}};
      const Views values{{"rotate_values", {{"full", shards == 1}}}};
      const Views down{{"rotate_down", {{"shards", shards}}}}, keys{{"rotate_keys", {}}};
      const Views groups{{"rotate_groups", {{"size", std::int64_t{one.config.hidden_size == 72 ? 4 : 2}}}}};
      Views all = residual;
      for (const Views& more : {values, down, keys}) all.insert(all.end(), more.begin(), more.end());
      for (const Views& views : {residual, values, down, keys, groups, all}) {
        const testing::ViewStack stack(model, views, static_cast<int>(shards));
        EXPECT_LT(testing::relative_distance(testing::double_logits(stack.source()), want), 1e-12)
            << views.front().first << " to " << views.back().first;
      }
    }
  }
}

// What is folded alone is another model: a test that could not fail would not see this.
TEST(Rotation, NeedsItsOnlinePart) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama), 21, at::kDouble);
  for (const auto& [kind, site] :
       {std::pair("rotate_down", Site::kMlpMiddle), std::pair("rotate_groups", Site::kMlpInput),
        std::pair("rotate_values", Site::kAttentionOutput)}) {
    ParameterMap parameters;
    if (std::string(kind) == "rotate_groups") parameters["size"] = std::int64_t{4};
    if (std::string(kind) == "rotate_values") parameters["full"] = true;
    const testing::ViewStack stack(model, {{kind, parameters}}, 1);
    const testing::WithoutTransform bare(stack.source(), site);
    EXPECT_GT(testing::double_distance(bare, model), 1e-2) << kind;
  }
}

ModelPlan plan_after(const std::string& method, std::vector<std::string> settings, const ModelConfig& config) {
  Recipe recipe = make_recipe(method, parse_assignments(settings));
  if (recipe.calibration) recipe.calibration->length = 24;
  return validate(recipe, config);
}

// The studied 1.5B, 7B and 8B: what runs online.
TEST(QuaRot, RunsOnlineWhatItMust) {
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.hidden_size = 3584;
  config.intermediate_size = 18944;
  config.heads = 28;
  config.kv_heads = 4;
  config.head_dim = 128;
  const auto words = [&](const std::string& method, std::vector<std::string> settings = {}) {
    std::vector<std::string> texts;
    const ModelPlan plan = plan_after(method, settings, config);
    for (const Site site : kSites) texts.push_back(to_string(plan.blocks.back().at(site)));
    return texts;
  };
  EXPECT_THAT(words("quarot-w4a4kv4-tp4"),
              ElementsAre("a4-token-asym-clip0.9", "a4-g896-asym-clip0.9", "a4-token-asym-clip0.9",
                          "a4-g4736-asym-clip0.9 hadamard4736/148", "k4-head-asym-clip0.95 hadamard128",
                          "v4-head-asym-clip0.95"));
  EXPECT_THAT(words("quarot-w8a8kv8", {"full_output_rotation=true"}),
              ElementsAre("a8-token-asym-clip0.9", "a8-token-asym-clip0.9 hadamard28/28x128", "a8-token-asym-clip0.9",
                          "a8-token-asym-clip0.9 hadamard18944/148", "k8-head-asym-clip0.95 hadamard128",
                          "v8-head-asym-clip0.95"));
  EXPECT_THAT(words("quarot-kv3"), ElementsAre("float", "float", "float", "float", "k3-head-asym-clip0.95 hadamard128",
                                               "v3-head-asym-clip0.95"));
  EXPECT_THAT(message_of([&] { words("quarot-w4a4kv4-tp4", {"full_output_rotation=true"}); }),
              HasSubstr("attn_out: hadamard28/28x128 on rows of 896"));
}

TEST(QuaRot, HasTheStudysDefaults) {
  const Recipe recipe = make_recipe("quarot-w4a4kv4", {});
  std::vector<std::string> kinds;
  for (const PassPointer& pass : recipe.passes) kinds.emplace_back(pass_of(pass).kind());
  EXPECT_THAT(kinds, ElementsAre("fold_norms", "rotate_residual", "rotate_values", "rotate_down", "rotate_keys",
                                 "set_activation_format", "set_kv_format", "round_gptq"));
  const ParameterMap gptq = pass_of(recipe.passes.back()).parameters();
  EXPECT_EQ(std::get<std::string>(gptq.at("format")), "w4c-sym-mse");
  EXPECT_FALSE(std::get<bool>(gptq.at("act_order")));
  EXPECT_EQ(std::get<double>(gptq.at("damping")), 0.01);
  EXPECT_EQ(recipe.calibration, (CalibrationSpec{.samples = 128, .length = 2048}));
  EXPECT_FALSE(make_recipe("quarot-kv4", {}).calibration);
  EXPECT_THAT(message_of([] { make_recipe("quarot-kv4", parse_assignments({{"damping=0.1"}})); }),
              HasSubstr("unknown parameter damping"));
  EXPECT_THAT(message_of([] { make_recipe("quarot-kv4", parse_assignments({{"rotation_signs=+-"}})); }),
              HasSubstr("unknown parameter rotation_signs"));
}

// The first outputs of MT19937 seeded with 0 (init_genrand), as numpy.random.RandomState(0).randint(0, 2**32,
// dtype=numpy.uint32) gives them: 2357136044, 2546248239, 3071714933, 3626093760, 2588848963.
TEST(RotateResidual, DrawsItsSignsOrTakesThem) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.hidden_size = 4;
  config.heads = config.kv_heads = 1;
  config.head_dim = 4;
  const testing::RandomModel model(config, 3, at::kDouble);
  const testing::ViewStack drawn(model, {{"fold_norms", {}}, {"rotate_residual", {{"seed", std::int64_t{0}}}}}, 1);
  const testing::ViewStack given(model, {{"fold_norms", {}}, {"rotate_residual", {{"signs", std::string("-++-")}}}}, 1);
  EXPECT_TRUE(drawn.source().tensor(kEmbeddingName).equal(given.source().tensor(kEmbeddingName)));
  // Row i of Q is signs[i] times column i of M = H / 2.
  const at::Tensor stored = model.tensor(kEmbeddingName), rotated = drawn.source().tensor(kEmbeddingName);
  const double* e = stored.const_data_ptr<double>();
  EXPECT_NEAR(rotated.const_data_ptr<double>()[0], (-e[0] + e[1] + e[2] - e[3]) / 2, 1e-15);
  EXPECT_NEAR(rotated.const_data_ptr<double>()[1], (-e[0] - e[1] + e[2] + e[3]) / 2, 1e-15);
}

TEST(Rotation, IsRefusedWhereItDoesNotFit) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  const auto refuse = [&](const std::string& passes) {
    return message_of([&] { validate(parse_recipe(passes, "r"), config); });
  };
  const std::string fold = "[[pass]]\nkind = \"fold_norms\"\n", residual = "[[pass]]\nkind = \"rotate_residual\"\n";
  const std::string down = "[[pass]]\nkind = \"rotate_down\"\n", groups = "[[pass]]\nkind = \"rotate_groups\"\n";
  EXPECT_EQ(refuse(fold + residual), "no error");
  EXPECT_THAT(refuse(residual), HasSubstr("rotate_residual: norms with gains"));
  EXPECT_THAT(refuse(fold + "[[pass]]\nkind = \"insert_outliers\"\n" + residual), HasSubstr("norms with gains"));
  EXPECT_THAT(refuse(fold + residual + "signs = \"+-\"\n"), HasSubstr("signs: 2"));
  EXPECT_THAT(refuse(fold + residual + "signs = \"+-1\"\n"), HasSubstr("a text of + and -"));
  EXPECT_THAT(refuse(fold + residual + "seed = -1\n"), HasSubstr("seed"));
  EXPECT_THAT(refuse(fold + residual + "block = 7\n"), HasSubstr("a divisor of 48"));
  EXPECT_EQ(refuse(fold + residual + "block = 12\n"), "no error");
  EXPECT_THAT(refuse(down + down), HasSubstr("rotate_down: mlp_mid: the transform hadamard80/40"));
  EXPECT_THAT(refuse(down + "shards = 3\n"), HasSubstr("shards: 3"));
  EXPECT_THAT(refuse("tensor_parallel = 2\n" + down), HasSubstr("hadamard80/40 on rows of 40"));
  EXPECT_EQ(refuse("tensor_parallel = 2\n" + down + "shards = 2\n"), "no error");
  EXPECT_THAT(refuse(groups), HasSubstr("attn_in: groups of 32 in rows of 48"));
  EXPECT_THAT(refuse(groups + "size = 6\n"), HasSubstr("6, an order without a Hadamard matrix"));
  config.hidden_size = 188;  // 4 x 47
  config.head_dim = 48;
  EXPECT_THAT(refuse(fold + residual), HasSubstr("rotate_residual: hidden size: 188"));
  EXPECT_THAT(refuse(fold + residual), HasSubstr("blocks of 4"));
  EXPECT_EQ(refuse(fold + residual + "block = 4\n"), "no error");
}

TEST(OwnNumbers, AreTheFormatsOfTheMethod) {
  const auto formats = [](const std::string& method, std::vector<std::string> settings = {}) {
    ModelConfig config = testing::small_config(Architecture::kQwen2);
    config.hidden_size = config.intermediate_size = 128;
    config.head_dim = 32;
    const ModelPlan plan = plan_after(method, settings, config);
    const BlockPlan& block = plan.blocks.back();
    std::vector<std::string> texts{block.weights.empty() ? "float" : to_string(block.weights.at(LinearSlot::kDown))};
    for (const Site site : {Site::kMlpMiddle, Site::kKey, Site::kValue}) texts.push_back(to_string(block.at(site)));
    return texts;
  };
  EXPECT_THAT(formats("mxfp4-w4a4kv4"), ElementsAre("mxfp4", "a:mxfp4", "k:mxfp4", "v:mxfp4"));
  EXPECT_THAT(formats("mxfp4-w4"), ElementsAre("mxfp4", "float", "float", "float"));
  EXPECT_THAT(formats("nvfp4-w4a4"), ElementsAre("nvfp4", "a:nvfp4", "float", "float"));
  EXPECT_THAT(formats("fp8-w8a8kv8"), ElementsAre("fp8e4m3", "a:fp8e4m3", "k:fp8e4m3-head", "v:fp8e4m3-head"));
  EXPECT_THAT(formats("fp8-w8a8kv8-tp2"),
              ElementsAre("fp8e4m3-g64", "a:fp8e4m3-g64", "k:fp8e4m3-head", "v:fp8e4m3-head"));
  EXPECT_THAT(formats("mxfp4-w4a4kv4", {"block_rotation=true"}),
              ElementsAre("mxfp4", "a:mxfp4 hadamard32", "k:mxfp4", "v:mxfp4"));
  EXPECT_THAT(formats("nvfp4-w4a4", {"block_rotation=true"}),
              ElementsAre("nvfp4", "a:nvfp4 hadamard16", "float", "float"));
  EXPECT_THAT(message_of([&] { formats("mxfp4-w8"); }), HasSubstr("weight bits 8, expected 4, those of mxfp4"));
  EXPECT_THAT(message_of([&] { formats("fp8-w8a4"); }), HasSubstr("activation bits 4"));
  EXPECT_THAT(message_of([&] { formats("mxfp4-w4g32"); }), HasSubstr("mxfp4 has groups of its own"));
  EXPECT_THAT(message_of([&] { formats("nvfp4-w4c-tp2"); }), HasSubstr("groups of its own"));
  EXPECT_THAT(message_of([&] { formats("fp8-w8", {"block_rotation=true"}); }), HasSubstr("unknown parameter"));
  EXPECT_THAT(message_of([&] { formats("mxfp4-kv4", {"block_rotation=true"}); }), HasSubstr("unknown parameter"));
}

}  // namespace
}  // namespace qreason
