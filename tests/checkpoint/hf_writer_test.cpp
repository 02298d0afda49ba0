#include "checkpoint/hf_writer.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::RandomModel;
using testing::small_config;

std::string config_text(const ModelConfig& config) {
  return to_hf_json(config).dump(2) + "\n";
}

TEST(HfWriter, WritesEveryTensorInItsOwnType) {
  for (const Architecture architecture : kArchitectures) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const ModelConfig config = small_config(architecture);
      const RandomModel model(config, 3, type);
      const testing::ScratchFolder scratch;
      write_hf_model(scratch.path(), model, config_text(config));
      const auto read = open_checkpoint(scratch.path());
      EXPECT_EQ(read->format(), "safetensors");
      for (const std::string& name : plain_tensor_names(config)) {
        EXPECT_EQ(read->tensor(name).scalar_type(), type) << name;
        EXPECT_TRUE(read->tensor(name).equal(model.tensor(name))) << name;
      }
      for (const std::string& name : linear_names(config)) {
        const LinearWeight got = read->linear(name), want = model.linear(name);
        EXPECT_TRUE(std::get<at::Tensor>(got.matrix).equal(std::get<at::Tensor>(want.matrix))) << name;
        ASSERT_EQ(got.bias.has_value(), want.bias.has_value()) << name;
        if (want.bias) {
          EXPECT_TRUE(got.bias->equal(*want.bias)) << name;
        }
      }
      for (const TensorSummary& tensor : read->tensors())
        EXPECT_EQ(tensor.type, type == at::kFloat ? "F32" : type == at::kHalf ? "F16" : "BF16") << tensor.name;
    }
  }
}

TEST(HfWriter, GivesTheSameBytesAgain) {
  const ModelConfig config = small_config(Architecture::kQwen2);
  const testing::ScratchFolder first, second;
  for (const auto* scratch : {&first, &second})
    write_hf_model(scratch->path(), RandomModel(config, 3, at::kBFloat16), config_text(config));
  EXPECT_EQ(sha256_file(first.path() / "model.safetensors"), sha256_file(second.path() / "model.safetensors"));
}

TEST(HfWriter, RefusesAConfigOfAnotherModel) {
  ModelConfig other = small_config(Architecture::kLlama);
  other.layers = 4;
  const testing::ScratchFolder scratch;
  EXPECT_THROW(write_hf_model(scratch.path(), RandomModel(small_config(Architecture::kLlama)), config_text(other)),
               Error);
}

}  // namespace
}  // namespace qreason
