#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/broken_files.h"
#include "checkpoint/compressed_tensors_config.h"
#include "checkpoint/foreign_folder.h"
#include "checkpoint/native_fixtures.h"
#include "formats/packing.h"

namespace qreason {
namespace {
using testing::error_of;
using testing::ForeignFolder;
using ::testing::HasSubstr;

const std::string kDown = "model.layers.1.mlp.down_proj";

// The settings that llm-compressor writes for weights alone.
OrderedJson settings_of(const char* form, const OrderedJson& weights, const OrderedJson& inputs = nullptr) {
  return {
      {"quant_method", "compressed-tensors"},
      {"format", form},
      {"quantization_status", "compressed"},
      {"config_groups", {{"group_0", {{"targets", {"Linear"}}, {"weights", weights}, {"input_activations", inputs}}}}},
      {"ignore", {"lm_head"}},
      {"kv_cache_scheme", nullptr},
      {"sparsity_config", OrderedJson::object()},
      {"transform_config", OrderedJson::object()},
      {"version", "0.19.0"}};
}

OrderedJson arguments(int bits, const char* type, const char* strategy, const OrderedJson& group = nullptr) {
  return {{"num_bits", bits},    {"type", type},     {"symmetric", true},   {"strategy", strategy},
          {"group_size", group}, {"dynamic", false}, {"actorder", nullptr}, {"observer", "minmax"}};
}

OrderedJson asymmetric(OrderedJson of) {
  of["symmetric"] = false;
  return of;
}

OrderedJson on_the_fly(OrderedJson of, const OrderedJson& dynamic = true) {
  of["dynamic"] = dynamic;
  return of;
}

void fill_packed(ForeignFolder& folder, const std::string& format, const WordLayout& weights = kPackedWeightWords,
                 const WordLayout& zeros = kPackedZeroWords) {
  const QuantFormat parsed = parse_quant_format(format);
  folder.fill(format, [&](const std::string& name, const QuantizedMatrix& matrix) {
    folder.put_packed(name, matrix, weights, zeros);
  });
  const bool grouped = parsed.granularity == Granularity::kGroup;
  OrderedJson own =
      grouped ? arguments(parsed.bits, "int", "group", parsed.group_size) : arguments(parsed.bits, "int", "channel");
  own["symmetric"] = parsed.symmetry == Symmetry::kSymmetric;
  folder.settings() = settings_of("pack-quantized", own);
}

QuantizedMatrix down_of(ForeignFolder& folder) {
  return std::get<QuantizedMatrix>(folder.open()->linear(kDown).matrix);
}

TEST(CompressedTensors, GivesPackedIntegersAsTheyAreStored) {
  for (const char* format : {"w2g32-asym-sbf16", "w3g32-asym-sbf16", "w4g32-asym-sbf16", "w5g32-sym-sbf16",
                             "w6g32-asym-sbf16", "w7c-sym-sbf16", "w8g32-asym-sbf16", "w4c-asym-sbf16"}) {
    ForeignFolder folder;
    fill_packed(folder, format);
    const auto checkpoint = folder.open();
    EXPECT_EQ(checkpoint->format(), "compressed-tensors");
    EXPECT_EQ(checkpoint->made_by().tool, "compressed-tensors 0.19.0");
    EXPECT_EQ(to_string(checkpoint->plan().block(1).weights.at(LinearSlot::kDown)), format);
    testing::expect_equal(down_of(folder), folder.matrix(kDown));
  }
}

TEST(CompressedTensors, ReadsOddWidthsWithinWordsToo) {
  for (const char* format : {"w3g32-asym-sbf16", "w5g32-sym-sbf16", "w6c-asym-sbf16"}) {
    ForeignFolder folder;
    fill_packed(folder, format, with_borders(kPackedWeightWords), with_borders(kPackedZeroWords));
    folder.settings()["version"] = "0.12.2";
    testing::expect_equal(down_of(folder), folder.matrix(kDown));
    folder.settings().erase("version");
    testing::expect_equal(down_of(folder), folder.matrix(kDown));  // the shape tells as well
  }
}

TEST(CompressedTensors, ReadsZeroPointsThatAreNotPacked) {
  ForeignFolder folder;
  fill_packed(folder, "w4g32-asym-sbf16");
  std::vector<std::uint8_t> zeros = folder.matrix(kDown).zeros;
  for (auto& zero : zeros) zero = static_cast<std::uint8_t>(zero - 8);  // signed
  folder.put(kDown + ".weight_zero_point", SafetensorsType::kI8, {64, 3}, zeros);
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
  zeros[7] = 8;
  folder.put(kDown + ".weight_zero_point", SafetensorsType::kI8, {64, 3}, zeros);
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("the number 8"));
}

TEST(CompressedTensors, FollowsTheOrderOfColumns) {
  ForeignFolder folder;
  fill_packed(folder, "w4g32-sym-sbf16");
  folder.settings()["config_groups"]["group_0"]["weights"]["actorder"] = "group";
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("weight_g_idx"));
  for (auto& [name, matrix] : folder.matrices()) {
    for (std::int32_t column = 0; column < matrix.columns; ++column) {
      matrix.group_index.push_back(column % static_cast<std::int32_t>(matrix.groups));
    }
    folder.put(name + ".weight_g_idx", SafetensorsType::kI32, {matrix.columns}, matrix.group_index);
  }
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
  folder.tensor(kDown + ".weight_g_idx").bytes[0] = std::byte{3};
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("group index 3"));
}

// Bytes of signed numbers, one scale for all rows: a scale of every row here.
TEST(CompressedTensors, ReadsPlainIntegersAndScalesOfWholeTensors) {
  ForeignFolder folder;
  folder.fill("w8c-sym-sbf16", [&](const std::string& name, const QuantizedMatrix& matrix) {
    std::vector<std::uint8_t> codes = matrix.codes;
    for (auto& code : codes) code = static_cast<std::uint8_t>(code - 128);
    folder.put(name + ".weight", SafetensorsType::kI8, {matrix.rows, matrix.columns}, codes);
    folder.matrix(name).scales.assign(static_cast<std::size_t>(matrix.rows), 0.5f);
    folder.put_scales(name + ".weight_scale", {1}, {0.5f}, ScaleType::kBFloat16, SafetensorsType::kBF16);
  });
  folder.settings() = settings_of("int-quantized", arguments(8, "int", "tensor"));
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
  folder.settings()["format"] = "naive-quantized";
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
}

// 64 x 96 in blocks of 48 x 32: [2, 3] scales.
TEST(CompressedTensors, RepeatsTheScalesOfBlocks) {
  ForeignFolder folder;
  folder.fill("fp8e4m3-g32-sbf16", [&](const std::string& name, const QuantizedMatrix& matrix) {
    folder.put(name + ".weight", SafetensorsType::kF8E4M3, {matrix.rows, matrix.columns}, matrix.codes);
    const std::int64_t rows = (matrix.rows + 47) / 48;
    std::vector<float> scales;
    for (std::int64_t i = 0; i < rows * matrix.groups; ++i) scales.push_back(0.25f * static_cast<float>(i + 1));
    folder.put_scales(name + ".weight_scale", {rows, matrix.groups}, scales, ScaleType::kBFloat16,
                      SafetensorsType::kBF16);
    QuantizedMatrix& own = folder.matrix(name);
    for (std::int64_t row = 0; row < own.rows; ++row) {
      for (std::int64_t group = 0; group < own.groups; ++group) {
        own.scales[static_cast<std::size_t>(row * own.groups + group)] =
            0.25f * static_cast<float>(row / 48 * own.groups + group + 1);
      }
    }
  });
  OrderedJson weights = arguments(8, "float", "block");
  weights["block_structure"] = {48, 32};
  folder.settings() = settings_of("float-quantized", weights);
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
}

TEST(CompressedTensors, ReadsFourBitFloats) {
  for (const bool nvidia : {false, true}) {
    ForeignFolder folder;
    folder.fill(nvidia ? "nvfp4" : "mxfp4", [&](const std::string& name, const QuantizedMatrix& matrix) {
      std::vector<std::uint8_t> packed(matrix.codes.size() / 2);
      pack_codes(matrix.codes, 4, packed);
      folder.put(name + ".weight_packed", SafetensorsType::kU8, {matrix.rows, matrix.columns / 2}, packed);
      folder.put_scales(name + ".weight_scale", {matrix.rows, matrix.groups}, matrix.scales, matrix.format.scale_type,
                        nvidia ? SafetensorsType::kF8E4M3 : SafetensorsType::kU8);
      if (!nvidia) return;
      folder.put(name + ".weight_global_scale", SafetensorsType::kF32, {1}, std::vector<float>{matrix.global_scale});
    });
    folder.settings() = nvidia ? settings_of("nvfp4-pack-quantized", arguments(4, "float", "tensor_group", 16))
                               : settings_of("mxfp4-pack-quantized", arguments(4, "float", "group", 32));
    testing::expect_equal(down_of(folder), folder.matrix(kDown));
  }
}

TEST(CompressedTensors, PutsWhatRoundsInputsAndCacheIntoThePlan) {
  ForeignFolder folder;
  fill_packed(folder, "w8c-sym-sbf16");
  OrderedJson& inputs = folder.settings()["config_groups"]["group_0"]["input_activations"];
  const auto site = [&](Site place) { return to_string(folder.open()->plan().block(0).at(place)); };
  inputs = on_the_fly(arguments(8, "int", "token"));
  EXPECT_EQ(site(Site::kMlpMiddle), "a8-token-sym-full");
  inputs = asymmetric(inputs);
  EXPECT_EQ(site(Site::kMlpMiddle), "a8-token-asym");
  inputs = on_the_fly(arguments(8, "float", "group", 32));
  EXPECT_EQ(site(Site::kMlpMiddle), "a:fp8e4m3-g32");
  inputs = on_the_fly(arguments(4, "float", "group", 32));
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("input_activations: a way of rounding"));
  inputs["scale_dtype"] = "torch.uint8";
  EXPECT_EQ(site(Site::kMlpMiddle), "a:mxfp4");
  inputs = on_the_fly(arguments(8, "float", "tensor"));
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("a way of rounding"));

  inputs = asymmetric(arguments(8, "int", "tensor"));
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("input_scale"));
  for (const auto& [name, matrix] : folder.matrices()) {
    folder.put(name + ".input_scale", SafetensorsType::kF32, {1}, std::vector<float>{0.125f});
    folder.put(name + ".input_zero_point", SafetensorsType::kI8, {1}, std::vector<std::int8_t>{-3});
  }
  EXPECT_EQ(site(Site::kMlpMiddle), "a8-tensor-asym static");
  EXPECT_EQ(folder.open()->tensor("model.layers.0.mlp_mid.static.scale").item<float>(), 0.125f);
  EXPECT_EQ(folder.open()->tensor("model.layers.0.mlp_mid.static.zero").item<float>(), 125.0f);
  folder.put("model.layers.0.mlp.up_proj.input_scale", SafetensorsType::kF32, {1}, std::vector<float>{0.25f});
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("round the same inputs differently"));
  inputs = nullptr;
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("no place for it"));
}

TEST(CompressedTensors, ReadsScalesOfTheCacheUnderBothNames) {
  ForeignFolder folder;
  fill_packed(folder, "w8c-sym-sbf16");
  folder.settings()["kv_cache_scheme"] = arguments(8, "float", "tensor");
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("self_attn.k_scale"));
  for (const std::string layer : {"0", "1"}) {
    const std::string module = "model.layers." + layer + ".self_attn.";
    folder.put(module + "k_scale", SafetensorsType::kF32, {1}, std::vector<float>{0.5f});
    folder.put(module + "v_proj.output_scale", SafetensorsType::kF32, {1}, std::vector<float>{2.0f});
  }
  const auto checkpoint = folder.open();
  EXPECT_EQ(to_string(checkpoint->plan().block(1).at(Site::kKey)), "k:fp8e4m3 static");
  EXPECT_EQ(to_string(checkpoint->plan().block(1).at(Site::kValue)), "v:fp8e4m3 static");
  EXPECT_EQ(checkpoint->tensor("model.layers.1.value.static.scale").item<float>(), 2.0f);
  folder.settings()["kv_cache_scheme"]["dynamic"] = true;
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("kv_cache_scheme: a way of rounding"));
}

TEST(CompressedTensors, TakesNamesBeforePatternsBeforeClasses) {
  const auto scheme = [](int bits, const OrderedJson& targets) {
    return OrderedJson{{"targets", targets}, {"weights", arguments(bits, "int", "channel")}};
  };
  OrderedJson settings = settings_of("pack-quantized", arguments(4, "int", "channel"));
  settings["config_groups"] = {{"a", scheme(8, {"Linear"})},
                               {"b", scheme(4, {"re:.*mlp.*", "re:model\\.layers\\.0\\..*"})},
                               {"c", scheme(3, {"model.layers.0.mlp.up_proj"})}};
  settings["ignore"] = {"lm_head", "re:.*o_proj"};
  const CompressedTensorsConfig config(parse_json(settings.dump(), "test"), settings, "test");
  const auto bits = [&](const char* name) {
    const PackedScheme* found = config.scheme_of(name);
    return found == nullptr ? 0 : found->weights.bits;
  };
  EXPECT_EQ(bits("model.layers.0.mlp.up_proj"), 3);
  EXPECT_EQ(bits("model.layers.0.mlp.down_proj"), 4);
  EXPECT_EQ(bits("model.layers.1.mlp.up_proj"), 4);
  EXPECT_EQ(bits("model.layers.0.self_attn.q_proj"), 4);
  EXPECT_EQ(bits("model.layers.1.self_attn.q_proj"), 8);
  EXPECT_EQ(bits("model.layers.1.self_attn.o_proj"), 0);
  EXPECT_EQ(bits("lm_head"), 0);
}

std::string failure(const std::function<void(ForeignFolder&)>& spoil) {
  ForeignFolder folder;
  fill_packed(folder, "w4g32-asym-sbf16");
  spoil(folder);
  return error_of([&] { down_of(folder); });
}

TEST(CompressedTensors, NamesWhatIsWrong) {
  EXPECT_EQ(failure([](ForeignFolder&) {}), "");
  const auto setting = [](const char* key, const OrderedJson& value) {
    return failure([&](ForeignFolder& folder) { folder.settings()[key] = value; });
  };
  const auto weights = [](const char* key, const OrderedJson& value) {
    return failure(
        [&](ForeignFolder& folder) { folder.settings()["config_groups"]["group_0"]["weights"][key] = value; });
  };
  EXPECT_EQ(setting("anybody's", 1), "");
  EXPECT_THAT(setting("format", "marlin-24"), HasSubstr("\"format\" is \"marlin-24\""));
  EXPECT_THAT(setting("format", "float-quantized"), HasSubstr("does not store"));
  EXPECT_THAT(setting("format", nullptr), HasSubstr("format"));
  EXPECT_THAT(setting("transform_config", {{"u", 1}}), HasSubstr("transform_config"));
  EXPECT_THAT(setting("sparsity_config", {{"format", "sparse-24-bitmask"}}), HasSubstr("sparse-24-bitmask"));
  EXPECT_THAT(setting("quantization_status", "calibration"), HasSubstr("quantization_status"));
  EXPECT_THAT(setting("config_groups", {1}), HasSubstr("config_groups"));
  EXPECT_THAT(setting("ignore", {"re:("}), HasSubstr("ignore pattern"));
  EXPECT_THAT(setting("ignore", {"lm_head", kDown}), HasSubstr(kDown + ".weight"));
  EXPECT_THAT(setting("ignore", OrderedJson::array()), HasSubstr("lm_head"));
  EXPECT_THAT(weights("num_bits", 9), HasSubstr("\"num_bits\" is 9"));
  EXPECT_THAT(weights("num_bits", 8), HasSubstr("weight_packed"));
  EXPECT_THAT(weights("group_size", 16), HasSubstr("weight_scale"));
  EXPECT_THAT(weights("group_size", 0), HasSubstr("group_size"));
  EXPECT_THAT(weights("strategy", "row"), HasSubstr("\"strategy\" is \"row\""));
  EXPECT_THAT(weights("dynamic", true), HasSubstr("dynamic"));
  EXPECT_THAT(weights("symmetric", true), HasSubstr("weight_zero_point"));
  EXPECT_THAT(weights("scale", 1), HasSubstr("the unknown key \"scale\""));
  EXPECT_THAT(failure([](ForeignFolder& folder) {
                folder.settings()["config_groups"]["group_0"]["output_activations"] = arguments(8, "int", "tensor");
              }),
              HasSubstr("output_activations"));
  EXPECT_THAT(failure([](ForeignFolder& folder) {
                folder.put(kDown + ".weight_shape", SafetensorsType::kI64, {2}, std::vector<std::int64_t>{64, 95});
              }),
              HasSubstr("[64, 95]"));
  EXPECT_THAT(failure([](ForeignFolder& folder) {
                folder.tensor(kDown + ".weight_packed").shape = {32, 24};
              }),
              HasSubstr("I32 [64, 12]"));
  EXPECT_THAT(failure([](ForeignFolder& folder) { folder.tensors().erase(kDown + ".weight_scale"); }),
              HasSubstr("weight_scale"));
}

}  // namespace
}  // namespace qreason
