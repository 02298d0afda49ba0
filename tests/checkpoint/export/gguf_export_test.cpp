// GGUF files: plain encoders give llama.cpp's bytes, codes keep their numbers, metadata says the model again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "checkpoint/export/export_fixtures.h"
#include "checkpoint/ggml_encode.h"
#include "checkpoint/gguf_names.h"
#include "support/closeness.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::expect_same_numbers;
using testing::exportable_config;
using testing::exported;
using ::testing::HasSubstr;
using testing::plan_with;
using testing::refusal;
using testing::ScratchFolder;
using testing::write_hf;
using testing::write_native;

// A float model in the type in which the maker of the files gave it to llama.cpp.
class NarrowWeights : public Checkpoint {
 public:
  NarrowWeights(std::unique_ptr<Checkpoint> inner, at::ScalarType type) : inner_(std::move(inner)), type_(type) {}
  std::string format() const override { return inner_->format(); }
  fs::path path() const override { return inner_->path(); }
  std::vector<TensorSummary> tensors() const override { return inner_->tensors(); }
  GenerationDefaults generation_defaults() const override { return inner_->generation_defaults(); }
  std::string content_hash() const override { return inner_->content_hash(); }
  const ModelConfig& config() const override { return inner_->config(); }
  const ModelPlan& plan() const override { return inner_->plan(); }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = inner_->linear(name);
    weight.matrix = std::get<at::Tensor>(weight.matrix).to(type_);
    if (weight.bias) weight.bias = weight.bias->to(type_).to(at::kFloat);
    return weight;
  }
  at::Tensor tensor(const std::string& name) const override { return inner_->tensor(name).to(type_); }

 private:
  std::unique_ptr<Checkpoint> inner_;
  at::ScalarType type_;
};

struct LlamaCppFile {
  const char *file, *model, *type;
  at::ScalarType source;
};

// Every tensor that llama.cpp's quantizer wrote in a plain type, byte for byte, in whole files.
class LlamaCppBytes : public ::testing::TestWithParam<LlamaCppFile> {};
TEST_P(LlamaCppBytes, AreOurs) {
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  const ScratchFolder scratch;
  const NarrowWeights model(open_checkpoint(oracle / GetParam().model), GetParam().source);
  exported(model, "gguf", scratch.path(), {.type = GetParam().type});
  const GgufFile ours(scratch.path() / "model.gguf"), theirs(oracle / "checkpoints/gguf" / GetParam().file);
  ASSERT_EQ(ours.tensors().size(), theirs.tensors().size());
  int compared = 0;
  for (const auto& [name, want] : theirs.tensors()) {
    const GgufTensor& got = ours.tensor(name);
    EXPECT_EQ(got.shape, want.shape) << name;
    const bool searched = want.type == GgmlType::kQ4_K || want.type == GgmlType::kQ6_K;
    // "pure" left the head in the type of the rest.
    if (searched || got.type != want.type) {
      EXPECT_EQ(name, "output.weight");
      continue;
    }
    EXPECT_TRUE(std::equal(got.bytes.begin(), got.bytes.end(), want.bytes.begin(), want.bytes.end())) << name;
    ++compared;
  }
  EXPECT_GE(compared, 20);
}
INSTANTIATE_TEST_SUITE_P(Oracle, LlamaCppBytes,
                         ::testing::Values(LlamaCppFile{"qwen2-tiny-Q4_0.gguf", "qwen2-tiny", "q4_0", at::kHalf},
                                           LlamaCppFile{"qwen2-tiny-Q4_1.gguf", "qwen2-tiny", "q4_1", at::kHalf},
                                           LlamaCppFile{"qwen2-tiny-Q5_0.gguf", "qwen2-tiny", "q5_0", at::kHalf},
                                           LlamaCppFile{"qwen2-tiny-Q5_1.gguf", "qwen2-tiny", "q5_1", at::kHalf},
                                           LlamaCppFile{"qwen2-tiny-Q8_0.gguf", "qwen2-tiny", "q8_0", at::kHalf},
                                           LlamaCppFile{"llama-tiny-Q4_0-pure.gguf", "llama-tiny", "q4_0", at::kHalf},
                                           LlamaCppFile{"llama-tiny-bf16.gguf", "llama-tiny", "bf16", at::kBFloat16}),
                         [](const auto& row) {
                           std::string name = row.param.file;
                           std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
                           return name;
                         });

double relative_error(std::span<const float> got, std::span<const float> want) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += std::pow(static_cast<double>(got[i]) - want[i], 2);
    square += static_cast<double>(want[i]) * want[i];
  }
  return std::sqrt(error / square);
}

// The K types leave scales to the encoder: ours must not lose more than llama.cpp's, to a tenth, on its own model.
TEST(GgmlEncode, KTypesAreAsCloseAsLlamaCpps) {
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  // Weights nobody has in floats: those of the six-bit file are smooth enough to stand for some.
  const GgufFile six(oracle / "checkpoints/gguf/qwen2-256-Q6_K.gguf"),
      four(oracle / "checkpoints/gguf/qwen2-256-Q4_K_M.gguf");
  int compared = 0;
  for (const auto& [name, tensor] : four.tensors()) {
    if (tensor.type != GgmlType::kQ4_K || six.tensor(name).type != GgmlType::kQ6_K) continue;
    const std::size_t count = tensor.bytes.size() / 144 * 256;
    std::vector<float> want(count), theirs(count), ours(count);
    dequantize_ggml(GgmlType::kQ6_K, six.tensor(name).bytes, want);
    dequantize_ggml(GgmlType::kQ4_K, tensor.bytes, theirs);
    std::vector<std::byte> blocks(tensor.bytes.size());
    encode_ggml(GgmlType::kQ4_K, want, blocks);
    dequantize_ggml(GgmlType::kQ4_K, blocks, ours);
    EXPECT_LT(relative_error(ours, want), 1.1 * relative_error(theirs, want)) << name;
    // Numbers of six bits come back as they are but for the rounding of scales.
    std::vector<std::byte> again(six.tensor(name).bytes.size());
    encode_ggml(GgmlType::kQ6_K, want, again);
    dequantize_ggml(GgmlType::kQ6_K, again, ours);
    EXPECT_LT(relative_error(ours, want), 0.01) << name;
    ++compared;
  }
  EXPECT_GT(compared, 5);
}

TEST(GgmlEncode, MxfpBlockByHand) {
  // Largest magnitude 6 = 1.5 * 2^2: the scale is 2^(2 - 2), byte 127. Codes: 6 is 7, -6 is 15, 0.5 is 1, -1.5 is 11.
  std::vector<float> values(32, 0.0f);
  values[0] = 6;
  values[16] = -6;
  values[1] = 0.5f;
  values[17] = -1.5f;
  std::vector<std::byte> block(17);
  encode_ggml(GgmlType::kMXFP4, values, block);
  EXPECT_EQ(block[0], std::byte{127});
  EXPECT_EQ(block[1], std::byte{0xF7});
  EXPECT_EQ(block[2], std::byte{0xB1});
  std::vector<float> back(32);
  dequantize_ggml(GgmlType::kMXFP4, block, back);
  EXPECT_EQ(back, values);
}

// As llama.cpp needs it: one that cuts nothing.
ModelConfig without_short_window(ModelConfig config) {
  if (config.sliding_window) config.sliding_window->size = config.max_positions;
  return config;
}

struct CodeCase {
  const char *format, *stored;
};
// Codes of every format that GGUF holds exactly come back as the same numbers.
class GgufCodes : public ::testing::TestWithParam<CodeCase> {};
TEST_P(GgufCodes, KeepTheirNumbers) {
  for (const Architecture architecture : kArchitectures) {
    const ScratchFolder scratch;
    const ModelConfig config = without_short_window(exportable_config(architecture));
    write_native(scratch.path() / "in", config, plan_with(config, GetParam().format));
    const auto model = open_checkpoint(scratch.path() / "in");
    const auto prepared = exported(*model, "gguf", scratch.path());
    EXPECT_EQ(prepared->scale_changes().changed, 0);
    EXPECT_EQ(prepared->number_changes().changed, 0);
    const auto written = open_checkpoint(scratch.path() / "model.gguf");
    EXPECT_EQ(name_of(written->gguf()->tensor("blk.1.attn_q.weight").type), GetParam().stored);
    expect_same_numbers(*written, *model);
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, GgufCodes,
                         ::testing::Values(CodeCase{"w4g32-sym-sf16", "Q4_0"}, CodeCase{"w4g64-sym-sf16", "Q4_0"},
                                           CodeCase{"w3c-sym-sf16", "Q4_0"}, CodeCase{"w2g32-asym-sf16", "Q4_0"},
                                           CodeCase{"w3g32-asym-sf16", "Q4_0"}, CodeCase{"w4g32-asym-sf16", "Q5_0"},
                                           CodeCase{"w5g32-sym-sf16", "Q5_0"}, CodeCase{"w6g32-asym-sf16", "Q8_0"},
                                           CodeCase{"w8g32-sym-sf16", "Q8_0"}, CodeCase{"mxfp4", "MXFP4"}),
                         [](const auto& row) {
                           std::string name = row.param.format;
                           std::erase(name, '-');
                           return name;
                         });

TEST(GgufExport, PutsFourBitsWithExactMinimaIntoQ4_1) {
  QuantizedMatrix matrix{
      .format = parse_quant_format("w4g32-asym-sf16"), .rows = 1, .columns = 32, .groups = 1, .group_size = 32};
  for (int i = 0; i < 32; ++i) matrix.codes.push_back(static_cast<std::uint8_t>(i % 16));
  matrix.scales = {0.5f};
  matrix.zeros = {3};
  EXPECT_EQ(exact_ggml_type(matrix, "x"), GgmlType::kQ4_1);  // -1.5 is a float16
  std::vector<std::byte> block(20);
  encode_ggml_codes(GgmlType::kQ4_1, matrix, 0, block);
  std::vector<float> got(32), want(32);
  dequantize_ggml(GgmlType::kQ4_1, block, got);
  dequantize_row(matrix, 0, want);
  EXPECT_EQ(got, want);
  matrix.scales = {1 + 1.0f / 1024};  // times 3 it takes 12 bits
  EXPECT_EQ(exact_ggml_type(matrix, "x"), GgmlType::kQ5_0);
}

TEST(GgufExport, RefusesWhatNoBlockHolds) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  const auto refusal_of = [&](const std::string& format, const ExportOptions& options = {}) {
    write_native(scratch.path() / "in", config, plan_with(config, format));
    const std::string text = refusal(*open_checkpoint(scratch.path() / "in"), "gguf", options);
    fs::remove_all(scratch.path() / "in");
    return text;
  };
  EXPECT_THAT(refusal_of("w4g32-sym"), HasSubstr("scales that float16 does not hold"));
  EXPECT_THAT(refusal_of("w4g32-sym"), HasSubstr("quantize with --set scale_type=float16"));
  EXPECT_EQ(refusal_of("w4g32-sym", {.scales = ScaleRounding::kAllowed}), "");
  EXPECT_THAT(refusal_of("w4g16-sym-sf16"), HasSubstr("groups of 16 in 64 columns"));
  EXPECT_THAT(refusal_of("w8g32-asym-sf16"), HasSubstr("from their zero points"));
  EXPECT_THAT(refusal_of("fp8e4m3"), HasSubstr("which GGUF has blocks for"));
}

TEST(GgufExport, CountsScalesThatAreRounded) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  write_native(scratch.path() / "in", config, plan_with(config, "w4g32-sym"));
  const auto model = open_checkpoint(scratch.path() / "in");
  const auto prepared = exported(*model, "gguf", scratch.path(), {.scales = ScaleRounding::kAllowed});
  EXPECT_GT(prepared->scale_changes().changed, 0);
  EXPECT_LE(prepared->scale_changes().largest, 1.0 / 2048);  // half a unit in the last of 11 bits
  const auto written = open_checkpoint(scratch.path() / "model.gguf");
  const std::string name = linear_name(0, LinearSlot::kUp);
  QuantizedMatrix rounded = std::get<QuantizedMatrix>(model->linear(name).matrix);
  for (float& scale : rounded.scales) scale = static_cast<float>(at::Half(scale));
  EXPECT_TRUE(written->linear(name).dense_float32().equal(LinearWeight{.matrix = rounded, .bias = {}}.dense_float32()));
}

TEST(GgufExport, SaysTheModelInMetadata) {
  for (const Architecture architecture : kArchitectures) {
    const ScratchFolder scratch;
    ModelConfig config = exportable_config(architecture);
    config.rope_theta = 123456;
    config.rms_norm_epsilon = 3e-6;
    config.max_positions = 512;
    config = without_short_window(config);
    config.rope_scaling = YarnRopeScaling{.factor = 4, .original_max_positions = 128, .beta_fast = 16};
    write_hf(scratch.path() / "in", config);
    const auto model = open_checkpoint(scratch.path() / "in");
    exported(*model, "gguf", scratch.path());
    const auto written = open_checkpoint(scratch.path() / "model.gguf");
    const ModelConfig& got = written->config();
    // A Mistral whose window cuts nothing is a Llama, and called so.
    const bool mistral = architecture == Architecture::kMistral;
    EXPECT_EQ(got.architecture, mistral ? Architecture::kLlama : architecture);
    EXPECT_EQ(got.query_key_norm, config.query_key_norm);
    EXPECT_FALSE(got.sliding_window);
    EXPECT_EQ(got.head_dim, config.head_dim);
    EXPECT_EQ(got.kv_heads, config.kv_heads);
    EXPECT_EQ(got.intermediate_size, config.intermediate_size);
    EXPECT_EQ(got.vocab_size, config.vocab_size);
    EXPECT_EQ(got.max_positions, config.max_positions);
    EXPECT_EQ(got.tied_embeddings, config.tied_embeddings);
    EXPECT_EQ(got.rms_norm_epsilon, config.rms_norm_epsilon);
    EXPECT_EQ(rope_inverse_frequencies(got), rope_inverse_frequencies(model->config()));
    EXPECT_NEAR(rope_attention_factor(got), rope_attention_factor(model->config()), 1e-7);
    expect_same_numbers(*written, *model);
  }
}

TEST(GgufExport, WritesLlama3ScalingAsConvertersDo) {
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  const ScratchFolder scratch;
  const auto model = open_checkpoint(oracle / "llama-tiny");
  exported(*model, "gguf", scratch.path());
  const GgufFile ours(scratch.path() / "model.gguf"), theirs(oracle / "checkpoints/gguf/llama-tiny-bf16.gguf");
  const auto got = ours.tensor("rope_freqs.weight").bytes, want = theirs.tensor("rope_freqs.weight").bytes;
  EXPECT_TRUE(std::equal(got.begin(), got.end(), want.begin(), want.end()));
  for (const auto& [key, value] : theirs.metadata()) {
    if (!key.starts_with("llama.") || key == "llama.vocab_size") continue;
    ASSERT_TRUE(ours.metadata().contains(key)) << key;
    EXPECT_TRUE(ours.metadata().at(key) == value) << key;
  }
}

// The names that the package gguf gives them (TensorNameMap of QWEN3).
TEST(GgufExport, NamesTheNormsOfHeads) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen3);
  write_hf(scratch.path() / "in", config);
  exported(*open_checkpoint(scratch.path() / "in"), "gguf", scratch.path());
  const GgufFile file(scratch.path() / "model.gguf");
  EXPECT_EQ(file.string("general.architecture"), "qwen3");
  EXPECT_EQ(file.integer("qwen3.attention.key_length"), config.head_dim);
  for (const char* name : {"blk.1.attn_q_norm.weight", "blk.1.attn_k_norm.weight"}) {
    EXPECT_EQ(file.tensor(name).type, GgmlType::kF32) << name;
    EXPECT_EQ(file.tensor(name).shape, std::vector<std::int64_t>{config.head_dim}) << name;
  }
}

TEST(GgufExport, RefusesWhatLlamaCppComputesOtherwise) {
  const auto refusal_of = [](const ModelConfig& config) {
    const ScratchFolder scratch;
    write_hf(scratch.path() / "in", config);
    return refusal(*open_checkpoint(scratch.path() / "in"), "gguf");
  };
  EXPECT_THAT(refusal_of(exportable_config(Architecture::kMistral)), HasSubstr("a sliding window of 5 in 256"));
  ModelConfig some = exportable_config(Architecture::kQwen2);
  some.sliding_window = SlidingWindow{.size = 9, .layers = {false, true}};
  EXPECT_THAT(refusal_of(some), HasSubstr("a sliding window of 9 in 256"));
  ModelConfig biased = exportable_config(Architecture::kQwen3);
  biased.qkv_bias = biased.output_bias = true;
  EXPECT_THAT(refusal_of(biased), HasSubstr("biases of the attention"));
}

TEST(GgufExport, RefusesRotaryScalingThatLlamaCppLacks) {
  const ScratchFolder scratch;
  ModelConfig config = exportable_config(Architecture::kQwen2);
  config.rope_scaling = DynamicRopeScaling{.factor = 2, .original_max_positions = 128};
  write_hf(scratch.path() / "in", config);
  EXPECT_THAT(refusal(*open_checkpoint(scratch.path() / "in"), "gguf"), HasSubstr("of the type dynamic"));
}

}  // namespace
}  // namespace qreason
