// Embedding and head rounded on their way into the checkpoint: the codes are those of the whole matrix rounded at once,
// and the model that computes with them is the one with the rounded values as floats.
#include "quantize/passes/round_embeddings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/decoder.h"
#include "quantize/memory_sink.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::RandomModel;
using testing::small_model;

struct Rounded {
  testing::MemorySink sink;
  OrderedJson report;
};

std::unique_ptr<Rounded> run(const WeightSource& model, const Recipe& recipe) {
  const testing::ScratchFolder folder;
  auto rounded = std::make_unique<Rounded>();
  Executor executor(2);
  rounded->report = run_recipe(
      {.source = model, .recipe = recipe, .sink = rounded->sink, .folder = folder.path(), .model_identity = "model"},
      executor);
  return rounded;
}

Recipe tables(const std::string& parameters) {
  return parse_recipe("name = \"tables\"\n[[pass]]\nkind = \"round_embeddings\"\n" + parameters, "tables.toml");
}

// More rows than are rounded at a time, the last ones a rest.
ModelConfig tall(bool tied) {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.vocab_size = 2 * 4096 + 37;
  config.tied_embeddings = tied;
  return config;
}

const QuantizedMatrix& matrix_of(const testing::MemorySink& sink, const std::string& name) {
  return std::get<QuantizedMatrix>(sink.linears().at(name).matrix);
}

void expect_rounded(const QuantizedMatrix& got, const at::Tensor& table, const std::string& format) {
  const std::span values(table.const_data_ptr<float>(), static_cast<std::size_t>(table.numel()));
  const QuantizedMatrix want = round_to_nearest(values, table.size(0), table.size(1), parse_quant_format(format));
  EXPECT_EQ(got.format, want.format);
  EXPECT_EQ(got.rows, want.rows);
  EXPECT_EQ(got.codes, want.codes);
  EXPECT_EQ(got.scales, want.scales);
  EXPECT_EQ(got.zeros, want.zeros);
  EXPECT_EQ(got.global_scale, want.global_scale);
}

double relative_error(const at::Tensor& table, const LinearWeight& rounded) {
  const at::Tensor values = rounded.dense_float32();
  double error = 0, energy = 0;
  for (std::int64_t i = 0; i < table.numel(); ++i) {
    const double whole = table.const_data_ptr<float>()[i], difference = whole - values.const_data_ptr<float>()[i];
    error += difference * difference;
    energy += whole * whole;
  }
  return error / energy;
}

TEST(RoundEmbeddings, RoundsAsTheWholeMatrixAtOnce) {
  const RandomModel model(tall(false));
  for (const char* format : {"w8c-sym", "w4g8-asym", "w3g16-asym-mse", "mxfp4", "nvfp4", "fp8e4m3"}) {
    SCOPED_TRACE(format);
    if (model.config().hidden_size % 32 != 0 && std::string(format) == "mxfp4") continue;
    const auto rounded = run(model, tables("embedding = \"" + std::string(format) + "\"\nhead = \"" + format + "\""));
    expect_rounded(matrix_of(rounded->sink, kEmbeddingLinear), model.tensor(kEmbeddingName), format);
    expect_rounded(matrix_of(rounded->sink, kHeadName), model.tensor("lm_head.weight"), format);
    const OrderedJson& outside = rounded->report.at("outside");
    ASSERT_EQ(outside.size(), 2u);
    EXPECT_EQ(outside[0].at("name"), kEmbeddingLinear);
    EXPECT_EQ(outside[1].at("name"), kHeadName);
    EXPECT_EQ(outside[1].at("pass"), "round_embeddings");
    EXPECT_NEAR(outside[1].at("weight_error").get<double>(),
                relative_error(model.tensor("lm_head.weight"), rounded->sink.linears().at(kHeadName)), 1e-9);
  }
}

std::vector<float> logits_of(const WeightSource& source) {
  Executor executor(2);
  const Decoder decoder(source, {.type = ComputeType::kFloat32});
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const auto tokens = testing::random_tokens(12, source.config().vocab_size, 5);
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  DecoderStep step;
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

// Products of codes decode, then multiply: bit for bit those of the decoded floats.
TEST(RoundEmbeddings, ComputesWithWhatIsStored) {
  for (const bool tied : {false, true}) {
    const RandomModel model(tall(tied));
    const auto rounded =
        run(model, tables(tied ? "embedding = \"w4g8-asym\"" : "embedding = \"w8c-sym\"\nhead = \"w4g8-asym\""));
    EXPECT_EQ(rounded->sink.plan().head.has_value(), !tied);
    RandomModel floats(tall(tied));
    floats.set_tensor(kEmbeddingName, rounded->sink.linears().at(kEmbeddingLinear).dense_float32());
    if (!tied) floats.set_tensor("lm_head.weight", rounded->sink.linears().at(kHeadName).dense_float32());
    EXPECT_EQ(logits_of(testing::SinkSource(rounded->sink)), logits_of(floats));
    EXPECT_NE(logits_of(floats), logits_of(model));
  }
}

TEST(RoundEmbeddings, IsAParameterOfEveryMethod) {
  const Recipe recipe = testing::method("rtn-w4g32", {"embedding=w8c-sym", "head=w6g32-asym"});
  const ModelPlan plan = validate(recipe, small_model());
  EXPECT_EQ(to_string(plan.embedding.value()), "w8c-sym");
  EXPECT_EQ(to_string(plan.head.value()), "w6g32-asym");
  EXPECT_FALSE(validate(testing::method("rtn-w4g32"), small_model()).embedding.has_value());
  EXPECT_EQ(to_toml(parse_recipe(to_toml(recipe), "again")), to_toml(recipe));
}

TEST(RoundEmbeddings, RefusesWhatNoTableCanHave) {
  const auto refusal = [](const std::string& parameters, const ModelConfig& config) {
    return message_of([&] { validate(tables(parameters), config); });
  };
  EXPECT_THAT(refusal("", small_model()), HasSubstr("neither embedding nor head"));
  EXPECT_THAT(refusal("head = \"w4g48-asym\"", small_model()), HasSubstr("head: groups of 48 in 128 columns"));
  EXPECT_THAT(refusal("embedding = \"a8-token-asym\"", small_model()), HasSubstr("round_embeddings: embedding"));
  ModelConfig tied = small_model();
  tied.tied_embeddings = true;
  EXPECT_THAT(refusal("head = \"w8c-sym\"", tied), HasSubstr("embedding alone: the model's head is tied to it"));
  EXPECT_EQ(refusal("embedding = \"w8c-sym\"", tied), "no error");
}

// fold_norms gives a tied model a head of its own, which may then have a format of its own.
TEST(RoundEmbeddings, KnowsTheHeadThatExactPassesUntie) {
  ModelConfig tied = small_model();
  tied.tied_embeddings = true;
  const Recipe recipe = parse_recipe(
      "[[pass]]\nkind = \"fold_norms\"\n[[pass]]\nkind = \"round_embeddings\"\nhead = \"w4g32-asym\"", "untied");
  EXPECT_EQ(to_string(validate(recipe, tied).head.value()), "w4g32-asym");
}

}  // namespace
}  // namespace qreason
