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

void fill_awq(ForeignFolder& folder, const std::string& format, std::int64_t group) {
  folder.fill(format, [&](const std::string& name, const QuantizedMatrix& matrix) { folder.put_awq(name, matrix); });
  folder.settings() = {{"quant_method", "awq"},   {"bits", 4},         {"group_size", group},
                       {"zero_point", true},      {"version", "gemm"}, {"modules_to_not_convert", nullptr},
                       {"someone's own key", {1}}};
}

TEST(AwqReader, GivesTheCodesThatAreStored) {
  for (const auto& [format, group] : {std::pair{"w4g32-asym-sf16", 32}, {"w4c-asym-sf16", -1}}) {
    ForeignFolder folder;
    fill_awq(folder, format, group);
    const auto checkpoint = folder.open();
    EXPECT_EQ(checkpoint->format(), "awq");
    EXPECT_EQ(checkpoint->made_by().method, group == 32 ? "quantized.awq-autoawq-w4g32" : "quantized.awq-autoawq-w4c");
    EXPECT_EQ(short_name(checkpoint->plan()), "W4A16KV16");
    EXPECT_EQ(to_string(checkpoint->plan().block(1).weights.at(LinearSlot::kDown)), format);
    testing::expect_equal(std::get<QuantizedMatrix>(checkpoint->linear(kDown).matrix), folder.matrix(kDown));
  }
}

TEST(AwqReader, TakesSymmetricCodesWithoutZeroPoints) {
  ForeignFolder folder;
  fill_awq(folder, "w4g32-sym-sf16", 32);
  folder.settings()["zero_point"] = false;
  testing::expect_equal(std::get<QuantizedMatrix>(folder.open()->linear(kDown).matrix), folder.matrix(kDown));
  folder.tensor(kDown + ".qzeros").bytes[5] = std::byte{0x18};
  EXPECT_THAT(error_of([&] { folder.open()->linear(kDown); }), HasSubstr("qzeros: a zero point other than 8"));
}

TEST(AwqReader, LeavesDenseWhatIsStoredSo) {
  ForeignFolder folder;
  fill_awq(folder, "w4g32-asym-sf16", 32);
  for (const char* part : {".qweight", ".qzeros", ".scales"}) folder.tensors().erase(kDown + part);
  folder.put_floats(kDown + ".weight", {64, 96});
  const auto checkpoint = folder.open();
  EXPECT_FALSE(checkpoint->plan().block(1).weights.contains(LinearSlot::kDown));
  EXPECT_FALSE(checkpoint->linear(kDown).quantized());
}

TEST(AwqReader, FindsTheSettingsOfTheFirstTools) {
  ForeignFolder folder;
  fill_awq(folder, "w4g32-asym-sf16", 32);
  folder.config().erase("quantization_config");
  folder.write();
  write_file_atomic(folder.path() / "quant_config.json",
                    R"({"zero_point": true, "q_group_size": 32, "w_bit": 4, "version": "GEMM"})");
  testing::expect_equal(std::get<QuantizedMatrix>(open_checkpoint(folder.path())->linear(kDown).matrix),
                        folder.matrix(kDown));
}

std::string failure(const std::function<void(ForeignFolder&)>& spoil) {
  ForeignFolder folder;
  fill_awq(folder, "w4g32-asym-sf16", 32);
  spoil(folder);
  return error_of([&] {
    const auto checkpoint = folder.open();
    for (const std::string& name : linear_names(checkpoint->config())) checkpoint->linear(name);
  });
}

TEST(AwqReader, NamesWhatIsWrong) {
  EXPECT_EQ(failure([](ForeignFolder&) {}), "");
  const auto setting = [](const char* key, const OrderedJson& value) {
    return failure([&](ForeignFolder& folder) { folder.settings()[key] = value; });
  };
  EXPECT_THAT(setting("bits", 3), HasSubstr("\"bits\" is 3"));
  EXPECT_THAT(setting("version", "gemv"), HasSubstr("\"version\" is"));
  EXPECT_THAT(setting("group_size", 0), HasSubstr("group_size"));
  EXPECT_THAT(setting("group_size", 40), HasSubstr("groups of 40 in the 64 columns"));
  EXPECT_THAT(setting("group_size", 16), HasSubstr("qzeros"));
  EXPECT_THAT(setting("zero_point", "yes"), HasSubstr("zero_point"));
  EXPECT_THAT(setting("quant_method", "rtn"), HasSubstr("quant_method \"rtn\""));
  EXPECT_THAT(failure([](ForeignFolder& folder) { folder.tensors().erase(kDown + ".qzeros"); }), HasSubstr("qzeros"));
  EXPECT_THAT(failure([](ForeignFolder& folder) {
                folder.tensor(kDown + ".qweight").shape = {8, 96};
              }),
              HasSubstr("I32 [96, 8]"));
  EXPECT_THAT(failure([](ForeignFolder& folder) {
                folder.put_floats(kDown + ".weight", {64, 96});
              }),
              HasSubstr("no place for it"));
  EXPECT_THAT(failure([](ForeignFolder& folder) { folder.tensor(kDown + ".scales").bytes[1] = std::byte{0x7C}; }),
              HasSubstr("scale"));
}

}  // namespace
}  // namespace qreason
