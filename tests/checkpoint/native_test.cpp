// Our own quantized directories: what is written comes back bit for bit.
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/native.h"
#include "checkpoint/native_fixtures.h"
#include "checkpoint/native_linear.h"
#include "checkpoint/readers.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::counted;
using testing::expect_equal;
using testing::plan_of;
using testing::random_matrix;
using testing::ScratchFolder;
using testing::tiny_config;
using testing::write_model;

class NativeFormats : public ::testing::TestWithParam<const char*> {};

TEST_P(NativeFormats, ComeBackBitForBit) {
  // 21 columns: neither the groups of 8 nor the bytes of a row are full at the end.
  const ScratchFolder scratch;
  const QuantizedMatrix matrix = random_matrix(5, 21, GetParam(), 7);
  NativeWriter writer(scratch.path());
  writer.add_linear("model.layers.0.mlp.up_proj", {.matrix = matrix, .bias = counted({5})});
  writer.finish_part("block-0000");
  const LinearWeight read = read_native_linear(scratch.path(), "block-0000", "model.layers.0.mlp.up_proj");
  expect_equal(std::get<QuantizedMatrix>(read.matrix), matrix);
  EXPECT_TRUE(read.bias->equal(counted({5})));
}

INSTANTIATE_TEST_SUITE_P(All, NativeFormats,
                         ::testing::Values("w2g8-asym", "w3g8-asym", "w4g8-asym-mse", "w5g8-sym", "w6c-asym", "w7c-sym",
                                           "w8c-sym", "w8g8-asym", "w4g8-asym-true", "w4g8-asym-sf16",
                                           "w3g8-asym-mse-sbf16", "fp8e4m3", "fp8e5m2-g8", "fp8e4m3-g8-sbf16",
                                           "fp4e2m1-sf16", "mxfp8e4m3", "mxfp8e5m2", "mxfp4", "nvfp4"),
                         [](const auto& item) {
                           std::string name = item.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Native, KeepsAnActOrderedGroupIndex) {
  const ScratchFolder scratch;
  QuantizedMatrix matrix = random_matrix(3, 16, "w4g8-asym", 1);
  matrix.group_index = {1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1};
  NativeWriter writer(scratch.path());
  writer.add_linear("lm_head", {.matrix = matrix});
  writer.finish_part("p");
  expect_equal(std::get<QuantizedMatrix>(read_native_linear(scratch.path(), "p", "lm_head").matrix), matrix);
}

TEST(Native, StoresTheRealBits) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w3g8-asym");
  const auto checkpoint = open_checkpoint(scratch.path());
  for (const TensorSummary& summary : checkpoint->tensors()) {
    if (summary.name != "model.layers.1.mlp.gate_proj.weight") continue;
    EXPECT_EQ(summary.type, "w3g8-asym");
    EXPECT_EQ(summary.shape, (std::vector<std::int64_t>{40, 24}));
    // 24 columns: 9 bytes of codes, 3 float32 scales and 3 zeros a row.
    EXPECT_EQ(summary.bytes, 40u * (9 + 12 + 3));
    return;
  }
  FAIL() << "no such tensor";
}

TEST(Native, OpensWhatItWrote) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const auto checkpoint = open_checkpoint(scratch.path());
  EXPECT_EQ(checkpoint->format(), "qreason");
  EXPECT_EQ(checkpoint->plan(), plan_of("w4g8-asym"));
  EXPECT_EQ(parameter_count(checkpoint->config()), parameter_count(tiny_config()));
  const LinearWeight k = checkpoint->linear("model.layers.1.self_attn.k_proj");
  expect_equal(std::get<QuantizedMatrix>(k.matrix), random_matrix(8, 24, "w4g8-asym", 1));
  EXPECT_TRUE(k.bias->equal(at::full({8}, 0.25f, at::kFloat)));
  EXPECT_FALSE(checkpoint->linear("lm_head").quantized());
  EXPECT_EQ(checkpoint->tensor("model.embed_tokens.weight").scalar_type(), at::kBFloat16);
}

TEST(Native, GivesTheSameBytesForTheSameTensors) {
  const ScratchFolder first, second;
  write_model(first.path(), "w4g8-asym");
  write_model(second.path(), "w4g8-asym");
  int files = 0;
  for (const auto& item : fs::directory_iterator(first.path())) {
    EXPECT_EQ(sha256_file(item.path()), sha256_file(second.path() / item.path().filename())) << item.path();
    ++files;
  }
  EXPECT_EQ(files, 5);  // three parts, index, config
  EXPECT_EQ(open_checkpoint(first.path())->content_hash(), open_checkpoint(second.path())->content_hash());
}

TEST(Native, TellsFinishedPartsFromBrokenOnes) {
  const ScratchFolder scratch;
  NativeWriter writer(scratch.path());
  EXPECT_FALSE(writer.has_part("block-0000"));
  writer.add_tensor("model.norm.weight", counted({24}));
  writer.finish_part("block-0000");
  EXPECT_TRUE(writer.has_part("block-0000"));
  EXPECT_TRUE(NativeWriter(scratch.path()).has_part("block-0000"));
  const fs::path file = scratch.path() / "model-block-0000.safetensors";
  fs::resize_file(file, fs::file_size(file) - 1);
  EXPECT_FALSE(writer.has_part("block-0000"));
  writer.remove_part("block-0000");
  EXPECT_FALSE(fs::exists(file));
  EXPECT_THROW(writer.finish_part("../elsewhere"), Error);
}

TEST(Native, FinishesAgainAfterAKillInTheLastSteps) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  const std::string hash = open_checkpoint(scratch.path())->content_hash();
  fs::remove(scratch.path() / "config.json");
  NativeWriter(scratch.path()).finish(tiny_config(), plan_of("w4g8-asym"));
  EXPECT_EQ(open_checkpoint(scratch.path())->content_hash(), hash);
}

TEST(Native, RefusesToFinishAnIncompleteModel) {
  const ScratchFolder scratch;
  NativeWriter writer(scratch.path());
  writer.add_tensor("model.norm.weight", counted({24}));
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
  writer.finish_part("outside");
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
}

TEST(Native, RefusesTheSameTensorInTwoParts) {
  const ScratchFolder scratch;
  write_model(scratch.path(), "w4g8-asym");
  NativeWriter writer(scratch.path());
  writer.add_tensor("model.norm.weight", counted({24}));
  writer.finish_part("again");
  EXPECT_THROW(writer.finish(tiny_config(), plan_of("w4g8-asym")), Error);
}

}  // namespace
}  // namespace qreason
