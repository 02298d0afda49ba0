#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/broken_files.h"
#include "checkpoint/foreign_folder.h"
#include "checkpoint/native_fixtures.h"

namespace qreason {
namespace {
using testing::error_of;
using testing::ForeignFolder;
using ::testing::HasSubstr;

const std::string kDown = "model.layers.1.mlp.down_proj";

std::vector<std::uint8_t> minus_one(std::vector<std::uint8_t> zeros) {
  for (auto& zero : zeros) --zero;
  return zeros;
}

enum class Zeros { kMinusOne, kPlain };

void fill_gptq(ForeignFolder& folder, const std::string& format, Zeros zeros = Zeros::kMinusOne) {
  const QuantFormat parsed = parse_quant_format(format);
  folder.fill(format, [&](const std::string& name, const QuantizedMatrix& matrix) {
    std::vector<std::uint8_t> stored = ForeignFolder::zeros_of(matrix);
    // The first format has no zero point of 0.
    for (auto& zero : stored) zero = std::max<std::uint8_t>(zero, 1);
    if (!matrix.zeros.empty()) folder.matrix(name).zeros = stored;
    folder.put_gptq(name, matrix, zeros == Zeros::kPlain ? stored : minus_one(stored));
  });
  const bool grouped = parsed.granularity == Granularity::kGroup;
  folder.settings() = {{"quant_method", "gptq"},
                       {"bits", parsed.bits},
                       {"group_size", grouped ? parsed.group_size : -1},
                       {"sym", parsed.symmetry == Symmetry::kSymmetric},
                       {"desc_act", false},
                       {"checkpoint_format", zeros == Zeros::kPlain ? "gptq_v2" : "gptq"},
                       {"damp_percent", 0.05}};
}

QuantizedMatrix down_of(ForeignFolder& folder) {
  return std::get<QuantizedMatrix>(folder.open()->linear(kDown).matrix);
}

TEST(GptqReader, GivesTheCodesThatAreStored) {
  for (const char* format : {"w2g32-asym-sf16", "w3g32-asym-sf16", "w4g32-asym-sf16", "w8g32-asym-sf16",
                             "w2g32-sym-sf16", "w3c-sym-sf16", "w4c-sym-sf16", "w8g64-sym-sf16"}) {
    for (const Zeros zeros : {Zeros::kMinusOne, Zeros::kPlain}) {
      ForeignFolder folder;
      fill_gptq(folder, format, zeros);
      EXPECT_EQ(to_string(folder.open()->plan().block(1).weights.at(LinearSlot::kDown)), format);
      testing::expect_equal(down_of(folder), folder.matrix(kDown));
      // The tool that adds by words gives the same where nothing overflows.
      folder.settings()["meta"] = {{"quantizer", {"gptqmodel:7.7.0"}}};
      EXPECT_EQ(down_of(folder).zeros, folder.matrix(kDown).zeros) << format;
    }
  }
}

TEST(GptqReader, KnowsItsTool) {
  ForeignFolder folder;
  fill_gptq(folder, "w4g32-sym-sf16");
  EXPECT_EQ(folder.open()->made_by().method, "quantized.gptq-autogptq-w4g32");
  folder.settings()["meta"] = {{"quantizer", {"gptqmodel:7.7.0"}}};
  EXPECT_EQ(folder.open()->made_by().method, "quantized.gptq-gptqmodel-w4g32");
  EXPECT_EQ(folder.open()->made_by().tool, "gptqmodel 7.7.0");
  folder.settings()["meta"] = {{"quantizer", "../../x:1"}};
  EXPECT_EQ(folder.open()->made_by().method, "quantized.gptq-______x-w4g32");
}

// checkpoint_formats.md 2.2: GPTQModel subtracts from words, so that a zero point of 0 borrows from its neighbour.
TEST(GptqReader, ReadsBorrowedZeroPoints) {
  ForeignFolder folder;
  fill_gptq(folder, "w4g32-asym-sf16");
  folder.settings()["meta"] = {{"quantizer", {"gptqmodel:7.7.0"}}};
  std::vector<std::uint8_t>& zeros = folder.matrix(kDown).zeros;  // [64, 3]: the first word is rows 0 to 7 of group 0
  for (std::size_t row = 0; row < 8; ++row) zeros[row * 3] = static_cast<std::uint8_t>(row % 3);
  std::uint32_t word = 0;
  for (std::uint32_t row = 0; row < 8; ++row) word |= (row % 3) << (4 * row);
  word -= 0x11111111;
  std::memcpy(folder.tensor(kDown + ".qzeros").bytes.data(), &word, sizeof word);
  EXPECT_EQ(down_of(folder).zeros, zeros);
}

TEST(GptqReader, WarnsOfZeroPointsThatProgramsReadDifferently) {
  ForeignFolder folder;
  fill_gptq(folder, "w4g32-asym-sf16");
  EXPECT_THAT(folder.open()->warnings(), ::testing::IsEmpty());
  folder.tensor(kDown + ".qzeros").bytes[0] = std::byte{0xF3};  // the zero points 4 and 0 or 16
  EXPECT_THAT(folder.open()->warnings(), ::testing::ElementsAre(HasSubstr("1 zero points are stored")));
  const std::vector<std::uint8_t> zeros = down_of(folder).zeros;
  EXPECT_EQ(zeros[0], 4);
  EXPECT_EQ(zeros[3], 0);
}

TEST(GptqReader, TellsTheZeroPointsOfSymmetricCodesByThemselves) {
  for (const Zeros stored : {Zeros::kMinusOne, Zeros::kPlain}) {
    ForeignFolder folder;
    fill_gptq(folder, "w4g32-sym-sf16", stored);
    folder.settings()["checkpoint_format"] = stored == Zeros::kPlain ? "gptq" : "gptq_v2";  // the wrong label
    testing::expect_equal(down_of(folder), folder.matrix(kDown));
    folder.tensor(kDown + ".qzeros").bytes[0] = std::byte{0x67};
    EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("not those of symmetric codes"));
  }
}

TEST(GptqReader, FollowsTheOrderOfColumns) {
  ForeignFolder folder;
  fill_gptq(folder, "w4g32-asym-sf16");
  QuantizedMatrix& matrix = folder.matrix(kDown);
  for (std::int32_t column = 0; column < 96; ++column) matrix.group_index.push_back(column % 3);
  folder.put_gptq(kDown, matrix, minus_one(matrix.zeros));
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("out of the order of their groups"));
  folder.settings()["desc_act"] = true;
  testing::expect_equal(down_of(folder), matrix);
  folder.tensor(kDown + ".g_idx").bytes[4] = std::byte{3};
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("group 3 of column 1"));
  folder.tensor(kDown + ".g_idx").bytes[7] = std::byte{0xFF};
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("g_idx"));
  folder.tensors().erase(kDown + ".g_idx");
  EXPECT_THAT(error_of([&] { down_of(folder); }), HasSubstr("has no g_idx"));
}

TEST(GptqReader, ObeysTheFirstDynamicRuleThatMatches) {
  ForeignFolder folder;
  fill_gptq(folder, "w4g32-sym-sf16");
  folder.fill("w8g16-asym-sf16", [&](const std::string& name, const QuantizedMatrix& matrix) {
    if (name != kDown) return;
    for (auto& zero : folder.matrix(name).zeros) zero = std::max<std::uint8_t>(zero, 1);
    folder.put_gptq(name, matrix, minus_one(matrix.zeros));
  });
  folder.settings()["dynamic"] = {
      {"+:.*layers\\.1\\.mlp\\.down_proj", {{"bits", 8}, {"group_size", 16}, {"sym", false}}},
      {"-:.*down_proj", OrderedJson::object()}};
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("model.layers.0.mlp.down_proj.qweight: a linear that is"));
  for (const char* part : {".qweight", ".qzeros", ".scales", ".g_idx"}) {
    folder.tensors().erase("model.layers.0.mlp.down_proj" + std::string(part));
  }
  folder.put_floats("model.layers.0.mlp.down_proj.weight", {64, 96});
  testing::expect_equal(down_of(folder), folder.matrix(kDown));
  EXPECT_FALSE(folder.open()->plan().block(0).weights.contains(LinearSlot::kDown));
  EXPECT_EQ(to_string(folder.open()->plan().block(0).weights.at(LinearSlot::kUp)), "w4g32-sym-sf16");
  folder.settings()["dynamic"] = {{"+:(", OrderedJson::object()}};
  EXPECT_THAT(error_of([&] { folder.open(); }), HasSubstr("dynamic pattern"));
}

TEST(GptqReader, NamesWhatIsWrong) {
  const auto setting = [](const char* key, const OrderedJson& value) {
    ForeignFolder folder;
    fill_gptq(folder, "w4g32-sym-sf16");
    folder.settings()[key] = value;
    return error_of([&] { folder.open(); });
  };
  EXPECT_EQ(setting("damp_percent", 0.1), "");
  EXPECT_THAT(setting("bits", 5), HasSubstr("\"bits\" is 5"));
  EXPECT_THAT(setting("bits", 8), HasSubstr("qweight"));
  EXPECT_THAT(setting("bits", nullptr), HasSubstr("bits"));
  EXPECT_THAT(setting("group_size", -2), HasSubstr("\"group_size\" is -2"));
  EXPECT_THAT(setting("group_size", 64), HasSubstr("qzeros"));
  EXPECT_THAT(setting("checkpoint_format", "marlin"), HasSubstr("marlin"));
  EXPECT_THAT(setting("rotation", "hadamard"), HasSubstr("rotation"));
  EXPECT_THAT(setting("pack_dtype", "int16"), HasSubstr("int16"));
  EXPECT_THAT(setting("sym", 1), HasSubstr("sym"));
  EXPECT_THAT(setting("dynamic", {1}), HasSubstr("dynamic"));
}

}  // namespace
}  // namespace qreason
