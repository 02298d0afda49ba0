// Recipes in every kind of number: made, saved, opened again and run packed. What must come out is the model of the
// dequantized weights, bit for bit. (Products of codes have tests of their own: rows are decoded here.)
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/native.h"
#include "model/decoder.h"
#include "quantize/memory_sink.h"
#include "quantize/passes/round_gptq.h"
#include "quantize/passes/round_rtn.h"
#include "quantize/passes/set_activation_format.h"
#include "quantize/passes/set_kv_format.h"
#include "quantize/runner.h"
#include "support/closeness.h"
#include "support/decoding_backend.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::MemorySink;
using testing::random_tokens;
using testing::RandomModel;

// Every width is whole groups of 32, a head too.
ModelConfig config_of_whole_groups() {
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 32;
  config.layers = 2;
  return config;
}

// The linears as dense tensors of what their codes stand for.
class Dequantized : public WeightSource {
 public:
  explicit Dequantized(const WeightSource& source) : source_(source) {}
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return source_.plan(); }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = source_.linear(name);
    weight.matrix = weight.dense_float32();
    return weight;
  }
  at::Tensor tensor(const std::string& name) const override { return source_.tensor(name); }

 private:
  const WeightSource& source_;
};

std::vector<float> logits_of(const WeightSource& source) {
  const testing::DecodingBackend decodes;
  Executor executor(2, decodes);
  const Decoder decoder(source, {.type = ComputeType::kFloat32, .executor = &executor});
  SequenceCache cache(PagePool(decoder.cache_layout()));
  DecoderStep step;
  const auto tokens = random_tokens(24, source.config().vocab_size, 3);
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

void save(const MemorySink& sink, const ModelConfig& config, const ModelPlan& plan,
          const std::filesystem::path& folder) {
  NativeWriter writer(folder);
  for (const auto& [name, weight] : sink.linears()) writer.add_linear(name, weight);
  for (const auto& [name, tensor] : sink.tensors()) writer.add_tensor(name, tensor);
  writer.finish_part("all");
  writer.finish(config, plan);
}

struct Formats {
  const char *weights, *activations, *keys, *values;
};

class EveryFormat : public ::testing::TestWithParam<Formats> {};

TEST_P(EveryFormat, IsMadeSavedOpenedAndRunPacked) {
  const RandomModel model(config_of_whole_groups());
  const Recipe recipe{
      .name = "test",
      .passes = {set_activation_format(parse_quant_format(GetParam().activations)),
                 set_kv_format(parse_quant_format(GetParam().keys), parse_quant_format(GetParam().values)),
                 round_rtn({.format = parse_quant_format(GetParam().weights)})}};
  const testing::ScratchFolder run_folder, folder;
  MemorySink sink;
  Executor executor(2);
  run_recipe({.source = model, .recipe = recipe, .sink = sink, .folder = run_folder.path()}, executor);
  const ModelPlan plan = validate(recipe, model.config());
  save(sink, model.config(), plan, folder.path());
  const auto opened = open_checkpoint(folder.path());
  EXPECT_EQ(opened->plan(), plan);
  const std::vector<float> packed = logits_of(*opened);
  EXPECT_TRUE(testing::bits_equal(packed, logits_of(Dequantized(*opened))));
  EXPECT_FALSE(testing::bits_equal(packed, logits_of(model)));
}

INSTANTIATE_TEST_SUITE_P(All, EveryFormat,
                         ::testing::Values(Formats{"w4g32-asym", "a8-token-asym", "k4-head-asym", "v4-head-asym"},
                                           Formats{"w4g32-asym-mse-sf16", "a8-token-sym", "k8-g32-sym", "v8-g32-sym"},
                                           Formats{"fp8e4m3", "a:fp8e4m3", "k:fp8e4m3-head", "v:fp8e4m3-head"},
                                           Formats{"fp8e5m2-g32-sbf16", "a:fp8e5m2", "k:fp8e5m2-g16", "v:fp8e5m2-g16"},
                                           Formats{"mxfp8e4m3", "a:mxfp8e4m3", "k:mxfp8e4m3", "v:mxfp8e4m3"},
                                           Formats{"mxfp4", "a:mxfp4", "k:mxfp4", "v:mxfp4"},
                                           Formats{"nvfp4", "a:nvfp4", "k:nvfp4", "v:nvfp4"},
                                           Formats{"fp4e2m1-g32", "a:fp4e2m1-g32", "k:fp4e2m1-head", "v:fp4e2m1-head"}),
                         [](const auto& item) {
                           std::string name = item.param.weights;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(FloatFormats, AreRefusedWhereTheyCannotBe) {
  EXPECT_THROW(round_gptq({.format = parse_quant_format("mxfp4")}, {}), Error);
  EXPECT_THROW(set_activation_format(parse_quant_format("a:fp8e4m3-tensor")), Error);
  EXPECT_THROW(set_kv_format(parse_quant_format("k8-tensor-sym"), std::nullopt), Error);
  EXPECT_THROW(set_kv_format(parse_quant_format("v:fp8e4m3"), std::nullopt), Error);  // of values
}

}  // namespace
}  // namespace qreason
