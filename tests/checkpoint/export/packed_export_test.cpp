// AWQ, GPTQ and compressed-tensors: the specification's worked example to the word, other widths by an unpacker written
// from the layouts' tables, configs, refusals.
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "checkpoint/export/export_fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::code_at;
using testing::config_of;
using testing::exportable_config;
using testing::exported;
using ::testing::HasSubstr;
using testing::plan_with;
using testing::refusal;
using testing::ScratchFolder;
using testing::write_native;

constexpr std::int64_t kSide = 32;

// checkpoint_formats.md, section 5: K = N = 32, groups of 8.
QuantizedMatrix worked_example() {
  QuantizedMatrix matrix{
      .format = parse_quant_format("w4g8-asym-sf16"), .rows = kSide, .columns = kSide, .groups = 4, .group_size = 8};
  for (std::int64_t n = 0; n < kSide; ++n) {
    for (std::int64_t k = 0; k < kSide; ++k) {
      matrix.codes.push_back(static_cast<std::uint8_t>((3 * k + 5 * n + k * n / 4 + 1) % 16));
    }
    for (std::int64_t g = 0; g < 4; ++g) {
      matrix.zeros.push_back(static_cast<std::uint8_t>(1 + (7 * g + 2 * n + 2) % 15));
      matrix.scales.push_back(std::ldexp(1.0f, static_cast<int>(-(4 + (n + g) % 3))));
    }
  }
  return matrix;
}

// A model all of whose linears are that matrix.
void write_worked_model(const fs::path& folder) {
  ModelConfig config = exportable_config(Architecture::kLlama);
  config.hidden_size = config.intermediate_size = kSide;
  config.heads = config.kv_heads = 4;
  config.head_dim = 8;
  config.layers = 1;
  config.stored_type = StoredType::kFloat16;
  fs::create_directories(folder);
  NativeWriter writer(folder);
  for (const LinearSlot slot : kLinearSlots)
    writer.add_linear(linear_name(0, slot), {.matrix = worked_example(), .bias = {}});
  const auto ones = [](std::vector<std::int64_t> shape) { return at::ones(shape, at::kHalf); };
  for (const char* norm : {kInputNorm, kPostNorm}) writer.add_tensor(block_tensor_name(0, norm), ones({kSide}));
  writer.add_tensor(kFinalNormName, ones({kSide}));
  writer.add_tensor(kEmbeddingName, ones({config.vocab_size, kSide}));
  writer.add_linear(kHeadName, {.matrix = ones({config.vocab_size, kSide}), .bias = {}});
  writer.finish_part("all");
  writer.finish(config, plan_with(config, "w4g8-asym-sf16"));
}

class WorkedExample : public ::testing::Test {
 protected:
  WorkedExample() {
    write_worked_model(scratch_.path() / "in");
    model_ = open_checkpoint(scratch_.path() / "in");
  }
  void write(const std::string& format) {
    exported(*model_, format, scratch_.path() / "out");
    file_ = std::make_unique<SafetensorsFile>(scratch_.path() / "out/model.safetensors");
  }
  std::string hash(const std::string& suffix) const {
    return sha256_hex(file_->bytes("model.layers.0.mlp.up_proj." + suffix).bytes()).substr(0, 16);
  }
  std::vector<std::uint32_t> words(const std::string& suffix, std::size_t count) const {
    std::vector<std::uint32_t> words(count);
    std::memcpy(words.data(), file_->bytes("model.layers.0.self_attn.q_proj." + suffix).bytes().data(), count * 4);
    return words;
  }
  std::vector<std::int64_t> shape(const std::string& suffix) const {
    return file_->entry("model.layers.0.mlp.up_proj." + suffix).shape;
  }

  ScratchFolder scratch_;
  std::unique_ptr<Checkpoint> model_;
  std::unique_ptr<SafetensorsFile> file_;
};

TEST_F(WorkedExample, InAwq) {
  write("awq");
  EXPECT_EQ(words("qweight", 4), (std::vector<std::uint32_t>{0x4a06f5b1, 0xc28e7d39, 0x4a06f5b1, 0xc28e7d39}));
  EXPECT_EQ(words("qzeros", 4), (std::vector<std::uint32_t>{0x2d95fb73, 0x3ea61c84, 0x4fb72d95, 0x51c83ea6}));
  EXPECT_EQ(hash("qweight"), "85780fa4b674c6b4");
  EXPECT_EQ(hash("qzeros"), "3f81f9a12accc3b9");
  EXPECT_EQ(hash("scales"), "c1b4de92601d0177");
  EXPECT_EQ(shape("qweight"), (std::vector<std::int64_t>{32, 4}));
  EXPECT_EQ(shape("qzeros"), (std::vector<std::int64_t>{4, 4}));
  EXPECT_EQ(shape("scales"), (std::vector<std::int64_t>{4, 32}));
}

TEST_F(WorkedExample, InGptq) {
  write("gptq");
  EXPECT_EQ(words("qweight", 4), (std::vector<std::uint32_t>{0x630da741, 0xc963fc96, 0x30c952eb, 0xa62fb730}));
  EXPECT_EQ(words("qzeros", 4), (std::vector<std::uint32_t>{0x2fdb9753, 0x31eca864, 0x42fdb975, 0x531eca86}));
  EXPECT_EQ(hash("qweight"), "c5cb7a63501ae141");
  EXPECT_EQ(hash("qzeros"), "6b5a2dfda1153655");  // version 2
  EXPECT_EQ(hash("scales"), "c1b4de92601d0177");
  EXPECT_EQ(config_of(scratch_.path() / "out").at("quantization_config").at("checkpoint_format"), "gptq_v2");
  const std::vector<std::int32_t> groups = file_->read_i32("model.layers.0.mlp.up_proj.g_idx");
  ASSERT_EQ(groups.size(), 32u);
  for (std::size_t k = 0; k < groups.size(); ++k) EXPECT_EQ(groups[k], static_cast<std::int32_t>(k / 8));
}

TEST_F(WorkedExample, InCompressedTensors) {
  write("compressed-tensors");
  EXPECT_EQ(hash("weight_packed"), "3c4731cc6f324439");
  EXPECT_EQ(hash("weight_zero_point"), "8fc9e1e0696ed1c5");
  EXPECT_EQ(hash("weight_scale"), "c8f07a26a3875abd");
  EXPECT_EQ(words("weight_zero_point", 4),
            (std::vector<std::uint32_t>{0x2fdb9753, 0x97531eca, 0x1eca8642, 0x8642fdb9}));
  std::vector<std::int64_t> sizes(2);
  std::memcpy(sizes.data(), file_->bytes("model.layers.0.mlp.up_proj.weight_shape").bytes().data(), 16);
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{32, 32}));
}

// Word `w` of line `l` where lines are columns of a [words, lines] matrix, joined.
std::vector<std::byte> column_of(std::span<const std::byte> matrix, std::int64_t lines, std::int64_t line) {
  std::vector<std::byte> bytes;
  const std::int64_t words = static_cast<std::int64_t>(matrix.size()) / 4 / lines;
  for (std::int64_t word = 0; word < words; ++word) {
    const auto at = matrix.subspan(static_cast<std::size_t>((word * lines + line) * 4), 4);
    bytes.insert(bytes.end(), at.begin(), at.end());
  }
  return bytes;
}

class Widths : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ModelConfig config = exportable_config(Architecture::kQwen2);
    config.stored_type = StoredType::kFloat16;
    write_native(scratch_.path() / "in", config, plan_with(config, GetParam()));
    model_ = open_checkpoint(scratch_.path() / "in");
    weight_ = model_->linear(kName);
  }
  const QuantizedMatrix& matrix() const { return std::get<QuantizedMatrix>(weight_.matrix); }
  int code(std::int64_t row, std::int64_t column) const {
    return matrix().codes[static_cast<std::size_t>(row * matrix().columns + column)];
  }
  int zero(std::int64_t row, std::int64_t group) const {
    return static_cast<int>(matrix().zero_of(row * matrix().groups + group));
  }

  const std::string kName = linear_name(1, LinearSlot::kDown);
  ScratchFolder scratch_;
  std::unique_ptr<Checkpoint> model_;
  LinearWeight weight_;
};

TEST_P(Widths, OfGptq) {
  const int bits = matrix().format.bits;
  if (bits == 5 || bits == 6) {
    EXPECT_THAT(refusal(*model_, "gptq"), HasSubstr("integers of 2, 3, 4 or 8 bits"));
    return;
  }
  exported(*model_, "gptq", scratch_.path() / "out");
  const SafetensorsFile file(scratch_.path() / "out/model.safetensors");
  const MappedBytes codes = file.bytes(kName + ".qweight"), zeros = file.bytes(kName + ".qzeros");
  const bool symmetric = matrix().format.symmetry == Symmetry::kSymmetric;
  for (std::int64_t row = 0; row < matrix().rows; ++row) {
    const std::vector<std::byte> line = column_of(codes.bytes(), matrix().rows, row);
    for (std::int64_t column = 0; column < matrix().columns; ++column) {
      ASSERT_EQ(code_at(line, column, bits), code(row, column)) << row << " " << column;
    }
    const std::size_t line_bytes = zeros.bytes().size() / static_cast<std::size_t>(matrix().groups);
    for (std::int64_t group = 0; group < matrix().groups; ++group) {
      const auto at = zeros.bytes().subspan(static_cast<std::size_t>(group) * line_bytes, line_bytes);
      ASSERT_EQ(code_at(at, row, bits), zero(row, group) - (symmetric ? 1 : 0));
    }
  }
  const OrderedJson config = config_of(scratch_.path() / "out").at("quantization_config");
  EXPECT_EQ(config.at("bits"), bits);
  EXPECT_EQ(config.at("sym"), symmetric);
  EXPECT_EQ(config.at("desc_act"), false);
  EXPECT_EQ(config.at("group_size"), matrix().groups == 1 ? -1 : 32);
  EXPECT_EQ(config.at("format"), symmetric ? "gptq" : "gptq_v2");
  EXPECT_EQ(OrderedJson::parse(read_text_file(scratch_.path() / "out/quantize_config.json")), config);
}

TEST_P(Widths, OfCompressedTensors) {
  exported(*model_, "compressed-tensors", scratch_.path() / "out");
  const SafetensorsFile file(scratch_.path() / "out/model.safetensors");
  const int bits = matrix().format.bits;
  const MappedBytes codes = file.bytes(kName + ".weight_packed");
  const std::size_t line_bytes = codes.bytes().size() / static_cast<std::size_t>(matrix().rows);
  const bool symmetric = matrix().format.symmetry == Symmetry::kSymmetric;
  ASSERT_EQ(file.contains(kName + ".weight_zero_point"), !symmetric);
  for (std::int64_t row = 0; row < matrix().rows; ++row) {
    const auto line = codes.bytes().subspan(static_cast<std::size_t>(row) * line_bytes, line_bytes);
    for (std::int64_t column = 0; column < matrix().columns; ++column) {
      ASSERT_EQ(code_at(line, column, bits), code(row, column)) << row << " " << column;
    }
  }
  for (std::int64_t group = 0; group < (symmetric ? 0 : matrix().groups); ++group) {
    const auto line = column_of(file.bytes(kName + ".weight_zero_point").bytes(), matrix().groups, group);
    for (std::int64_t row = 0; row < matrix().rows; ++row) ASSERT_EQ(code_at(line, row, bits), zero(row, group));
  }
  EXPECT_EQ(file.entry(kName + ".weight_scale").type, SafetensorsType::kF16);
  EXPECT_EQ(file.entry(kName + ".weight_scale").shape, (std::vector<std::int64_t>{matrix().rows, matrix().groups}));
  const OrderedJson config = config_of(scratch_.path() / "out").at("quantization_config");
  EXPECT_EQ(config.at("format"), "pack-quantized");
  const OrderedJson weights = config.at("config_groups").at("group_0").at("weights");
  EXPECT_EQ(weights.at("num_bits"), bits);
  EXPECT_EQ(weights.at("symmetric"), symmetric);
  EXPECT_EQ(weights.at("strategy"), matrix().groups == 1 ? "channel" : "group");
  EXPECT_EQ(config.at("ignore"), OrderedJson::array({"lm_head"}));
}
INSTANTIATE_TEST_SUITE_P(Formats, Widths,
                         ::testing::Values("w2g32-asym-sf16", "w3g32-sym-sf16", "w3g32-asym-sf16", "w4g32-sym-sf16",
                                           "w4g32-asym-sf16", "w4c-sym-sf16", "w5g32-sym-sf16", "w6g32-asym-sf16",
                                           "w8g32-asym-sf16", "w8c-sym-sf16"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(AwqExport, GivesSymmetricCodesAZeroPointOfEight) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kQwen2);
  write_native(scratch.path() / "in", config, plan_with(config, "w4g32-sym-sf16"));
  exported(*open_checkpoint(scratch.path() / "in"), "awq", scratch.path() / "out");
  const SafetensorsFile file(scratch.path() / "out/model.safetensors");
  const MappedBytes zeros = file.bytes(linear_name(0, LinearSlot::kQ) + ".qzeros");
  for (const std::byte byte : zeros.bytes()) EXPECT_EQ(byte, std::byte{0x88});
  EXPECT_EQ(config_of(scratch.path() / "out").at("quantization_config").dump(),
            R"({"quant_method":"awq","bits":4,"group_size":32,"zero_point":true,"version":"gemm",)"
            R"("modules_to_not_convert":null,"meta":{"quantizer":["tests:1"]}})");
  EXPECT_EQ(open_checkpoint(scratch.path() / "out")->made_by().tool, "tests 1");
  // What has no codes keeps its bits; a bias of Qwen2 is a float16 where that holds it.
  EXPECT_EQ(file.entry(kEmbeddingName).type, SafetensorsType::kBF16);
  EXPECT_EQ(file.entry(linear_name(0, LinearSlot::kQ) + ".bias").type, SafetensorsType::kF16);
}

TEST(AwqExport, SkipsWholePartsAsEveryProgramNeedsIt) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  ModelPlan plan = plan_with(config, "w4g32-asym-sf16");
  apply_rule(plan, "mlp.gate_proj, mlp.up_proj, mlp.down_proj = float", "test");
  write_native(scratch.path() / "in", config, plan);
  exported(*open_checkpoint(scratch.path() / "in"), "awq", scratch.path() / "out");
  const OrderedJson quantization = config_of(scratch.path() / "out").at("quantization_config");
  // checkpoint_formats.md, section 1.4: what AutoAWQ, GPTQModel and transformers 5 load correctly.
  EXPECT_EQ(quantization.at("modules_to_not_convert").dump(),
            R"(["mlp","mlp.gate_proj","mlp.up_proj","mlp.down_proj"])");
  EXPECT_EQ(quantization.at("dynamic").dump(), R"({"-:.*\\.mlp\\..*":{}})");
}

TEST(GptqExport, SkipsABlockByItsFullNames) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  ModelPlan plan = plan_with(config, "w4g32-sym-sf16");
  plan.blocks[1].weights.clear();
  write_native(scratch.path() / "in", config, plan);
  exported(*open_checkpoint(scratch.path() / "in"), "gptq", scratch.path() / "out");
  const OrderedJson quantization = config_of(scratch.path() / "out").at("quantization_config");
  EXPECT_EQ(quantization.at("dynamic").dump(),
            R"({"-:.*\\.layers\\.1\\.self_attn\\..*":{},"-:.*\\.layers\\.1\\.mlp\\..*":{}})");
}

TEST(GptqExport, WritesTheOrderOfActivations) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  const ModelPlan plan = plan_with(config, "w4g32-sym-sf16");
  write_native(scratch.path() / "in", config, plan);
  // The same codes under another order of columns: it only has to come back.
  const auto original = open_checkpoint(scratch.path() / "in");
  const fs::path ordered = scratch.path() / "ordered";
  fs::create_directories(ordered);
  NativeWriter writer(ordered);
  for (const std::string& name : plain_tensor_names(config)) writer.add_tensor(name, original->tensor(name));
  for (const std::string& name : linear_names(config)) {
    LinearWeight weight = original->linear(name);
    if (auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
      for (std::int64_t column = 0; column < codes->columns; ++column) {
        codes->group_index.push_back(static_cast<std::int32_t>(column * 7 % codes->columns / codes->group_size));
      }
    }
    writer.add_linear(name, weight);
  }
  writer.finish_part("all");
  writer.finish(config, plan);
  const auto model = open_checkpoint(ordered);
  exported(*model, "gptq", scratch.path() / "out");
  EXPECT_EQ(config_of(scratch.path() / "out").at("quantization_config").at("desc_act"), true);
  const SafetensorsFile file(scratch.path() / "out/model.safetensors");
  const auto groups = file.read_i32(linear_name(0, LinearSlot::kQ) + ".g_idx");
  for (std::size_t k = 0; k < groups.size(); ++k) EXPECT_EQ(groups[k], static_cast<std::int32_t>(k * 7 % 64 / 32));
  for (const char* format : {"awq", "compressed-tensors"}) {
    EXPECT_THAT(refusal(*model, format, {.type = "f16"}), HasSubstr("in the order of activations")) << format;
  }
  EXPECT_THAT(refusal(*model, "gguf"), HasSubstr("in the order of activations"));
}

TEST(PackedExport, RefusesWhatTheFormatsCannotSay) {
  const ScratchFolder scratch;
  const ModelConfig config = exportable_config(Architecture::kLlama);
  const auto refusal_of = [&](const std::string& format, const ModelPlan& plan, const ExportOptions& options = {}) {
    write_native(scratch.path() / "in", config, plan);
    const std::string text = refusal(*open_checkpoint(scratch.path() / "in"), format, options);
    fs::remove_all(scratch.path() / "in");
    return text;
  };
  EXPECT_THAT(refusal_of("awq", plan_with(config, "w3g32-asym-sf16")), HasSubstr("4-bit integers in AWQ"));
  EXPECT_THAT(refusal_of("gptq", plan_with(config, "w5g32-sym-sf16")), HasSubstr("integers of 2, 3, 4 or 8 bits"));
  EXPECT_THAT(refusal_of("gptq", plan_with(config, "mxfp4")), HasSubstr("integers of 2, 3, 4 or 8 bits"));
  EXPECT_THAT(refusal_of("gptq", plan_with(config, "w4g32-sym")), HasSubstr("--allow-rounded-scales"));
  EXPECT_EQ(refusal_of("gptq", plan_with(config, "w4g32-sym"), {.scales = ScaleRounding::kAllowed}), "");
  EXPECT_THAT(refusal_of("compressed-tensors", plan_with(config, "w4g32-sym-sf16")),
              HasSubstr("scales that bfloat16 does not hold"));
  EXPECT_EQ(refusal_of("compressed-tensors", plan_with(config, "w4g32-sym-sf16"), {.type = "f16"}), "");
  EXPECT_THAT(refusal_of("awq", uniform_plan(config.layers)), HasSubstr("no quantized linear"));
  EXPECT_THAT(refusal_of("compressed-tensors", uniform_plan(config.layers)), HasSubstr("no quantized linear"));
  ModelPlan plan = plan_with(config, "w4g32-sym-sf16");
  plan.head = parse_quant_format("w8g32-sym-sf16");
  EXPECT_THAT(refusal_of("gptq", plan), HasSubstr("the head in w8g32-sym-sf16"));
  plan.head.reset();
  plan.blocks[1].weights.erase(LinearSlot::kK);
  EXPECT_THAT(refusal_of("gptq", plan), HasSubstr("blocks[1] with self_attn.k_proj in floats"));
  plan = plan_with(config, "w4g32-sym-sf16");
  apply_rule(plan, "mlp.down_proj = w8", "test");
  EXPECT_THAT(refusal_of("gptq", plan), HasSubstr("model.layers.0.mlp.down_proj"));
  plan = plan_with(config, "w4g32-sym-sbf16");
  apply_rule(plan, "attn_in = a8-token-sym", "test");
  EXPECT_THAT(refusal_of("compressed-tensors", plan), HasSubstr("8-bit integers with w8c-sym alone"));
  plan = plan_with(config, "w8c-sym-sbf16");
  apply_rule(plan, "mlp_in = a8-token-sym-clip0.9", "test");
  EXPECT_THAT(refusal_of("compressed-tensors", plan), HasSubstr("not clipped"));
  EXPECT_THAT(refusal_of("compressed-tensors", plan_with(config, "mxfp8e4m3")), HasSubstr("mxfp8e4m3"));
}

}  // namespace
}  // namespace qreason
