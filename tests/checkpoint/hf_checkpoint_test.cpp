// Hugging Face directories: the oracle's models open with the values of their files, and broken folders say what is
// wrong.
#include <gtest/gtest.h>

#include <ATen/core/Tensor.h>

#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::bits_equal;
using testing::ScratchFolder;

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

TEST(HfCheckpoint, OpensTheOraclesModelsWithTheTensorsOfTheFile) {
  QREASON_REQUIRE_SHARED(folder, "oracle/qwen2-tiny");
  const auto checkpoint = open_checkpoint(folder);
  const SafetensorsFile file(folder / "model.safetensors");
  EXPECT_EQ(checkpoint->format(), "safetensors");
  const LinearWeight k = checkpoint->linear("model.layers.1.self_attn.k_proj");
  EXPECT_EQ(k.rows(), 64);
  EXPECT_EQ(k.columns(), 128);
  ASSERT_TRUE(k.bias.has_value());
  EXPECT_TRUE(bits_equal(values_of(k.dense_float32()), file.read_f32("model.layers.1.self_attn.k_proj.weight")));
  EXPECT_TRUE(bits_equal(values_of(*k.bias), file.read_f32("model.layers.1.self_attn.k_proj.bias")));
  EXPECT_FALSE(checkpoint->linear("model.layers.0.mlp.down_proj").bias.has_value());
  EXPECT_TRUE(bits_equal(values_of(checkpoint->tensor("model.norm.weight")), file.read_f32("model.norm.weight")));
}

}  // namespace
}  // namespace qreason
