// NaN and infinity anywhere in a model: refused with tensor and index when the tensor is asked for.
#include <ATen/ops/full_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/safetensors.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/finite_checkpoint.h"
#include "checkpoint/gguf_builder.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/native.h"
#include "formats/quantized_matrix.h"
#include "model/decoder.h"
#include "model/finite.h"
#include "model/outliers.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::error_of;
using ::testing::HasSubstr;
using testing::RandomModel;
using testing::read_bytes;
using testing::ScratchFolder;
using testing::small_config;
using testing::write_bytes;

// The bit patterns of one value in a file; little-endian, as wide as the type.
struct Pattern {
  at::ScalarType type;
  const char* shown;
  std::uint32_t bits;
};
constexpr Pattern kPatterns[] = {
    {at::kFloat, "nan", 0x7FC00000},  {at::kFloat, "nan", 0x7F800001}, {at::kFloat, "inf", 0x7F800000},
    {at::kFloat, "-inf", 0xFF800000}, {at::kBFloat16, "nan", 0x7FC0},  {at::kBFloat16, "-inf", 0xFF80},
    {at::kHalf, "nan", 0x7C01},       {at::kHalf, "inf", 0x7C00},      {at::kHalf, "-inf", 0xFC00},
};

class Written {
 public:
  Written(Architecture architecture, at::ScalarType type) {
    ModelConfig config = small_config(architecture);
    config.tied_embeddings = false;
    write_hf_model(path(), RandomModel(config, 3, type), to_hf_json(config).dump());
  }
  explicit Written(const std::function<void(const fs::path&)>& write) { write(path()); }

  const fs::path& path() const { return folder_.path(); }

  void poison(const fs::path& file, std::size_t offset, std::uint32_t bits, std::size_t width) const {
    std::string bytes = read_bytes(file);
    std::memcpy(bytes.data() + offset, &bits, width);
    fs::remove(file);
    write_bytes(file, bytes);
  }
  // Value `at` of a safetensors tensor.
  void poison_tensor(const fs::path& file, const std::string& name, std::size_t at, const Pattern& pattern) const {
    std::size_t offset = 0;
    const std::size_t width = pattern.type == at::kFloat ? 4 : 2;
    {
      const SafetensorsFile opened(file);
      offset = static_cast<std::size_t>(opened.entry(name).offset) + at * width;
    }
    poison(file, offset, pattern.bits, width);
  }

 private:
  ScratchFolder folder_;
};

struct Place {
  const char* tensor;
  std::size_t at;
  const char* index;
};
constexpr Place kPlaces[] = {
    {"model.embed_tokens.weight", 48 * 7 + 5, "[7, 5]"},
    {"model.norm.weight", 47, "[47]"},
    {"model.layers.1.input_layernorm.weight", 0, "[0]"},
    {"model.layers.2.post_attention_layernorm.weight", 3, "[3]"},
    {"model.layers.2.mlp.down_proj.weight", 80 * 47 + 79, "[47, 79]"},
    {"model.layers.0.self_attn.k_proj.bias", 11, "[11]"},
    {"lm_head.weight", 1, "[0, 1]"},
};

TEST(FiniteTensors, NameEveryPlaceOfASafetensorsModelInEveryType) {
  for (const Pattern& pattern : kPatterns) {
    for (const Place& place : kPlaces) {
      const Written model(Architecture::kQwen2, pattern.type);
      model.poison_tensor(model.path() / "model.safetensors", place.tensor, place.at, pattern);
      const auto checkpoint = open_checkpoint(model.path());
      const std::string want =
          std::string("tensor ") + place.tensor + ": " + pattern.shown + " at " + place.index + ", expected finite";
      EXPECT_THAT(error_of([&] { Decoder decoder(*checkpoint, {}); }), HasSubstr(want)) << pattern.bits;
      EXPECT_THAT(error_of([&] { check_all_tensors(*checkpoint); }), HasSubstr(want)) << pattern.bits;
    }
  }
}

TEST(FiniteTensors, LeaveFiniteModelsAlone) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const Written model(Architecture::kLlama, type);
    EXPECT_EQ(error_of([&] { check_all_tensors(*open_checkpoint(model.path())); }), "");
  }
  // The largest finite numbers of each type, both signs: no carry from one lane into the next.
  for (const auto& [type, bits] :
       {std::pair(at::kFloat, 0xFF7FFFFFu), std::pair(at::kBFloat16, 0xFF7Fu), std::pair(at::kHalf, 0xFBFFu)}) {
    const Written model(Architecture::kLlama, type);
    for (std::size_t i = 0; i < 48; ++i) {
      model.poison_tensor(model.path() / "model.safetensors", "model.norm.weight", i, {type, "", bits});
    }
    EXPECT_EQ(error_of([&] { open_checkpoint(model.path())->tensor("model.norm.weight"); }), "");
  }
}

TEST(FiniteTensors, AreFoundAtTheFirstIndexOfALargeTensor) {
  at::Tensor large = at::empty({300, 1001}, at::kBFloat16).zero_();  // some chunks of the check, and a ragged end
  ThreadPool pool(3);
  EXPECT_EQ(error_of([&] { require_finite(large, "large", &pool); }), "");
  EXPECT_EQ(error_of([&] { require_finite(large, "large", nullptr); }), "");
  auto* bits = static_cast<std::uint16_t*>(large.data_ptr());
  bits[300 * 1001 - 1] = 0x7F80;
  EXPECT_EQ(error_of([&] { require_finite(large, "large", &pool); }),
            "large: inf at [299, 1000], expected finite numbers");
  bits[200 * 1001 + 3] = 0xFFC0;
  EXPECT_THAT(error_of([&] { require_finite(large, "large", &pool); }), HasSubstr("nan at [200, 3]"));
}

TEST(FiniteTensors, HoldForViewsOfACheckpoint) {
  const Written model(Architecture::kQwen2, at::kFloat);
  model.poison_tensor(model.path() / "model.safetensors", "model.layers.1.mlp.up_proj.weight", 2, kPatterns[0]);
  const auto checkpoint = open_checkpoint(model.path());
  EXPECT_THAT(error_of([&] { OutlierModel(*checkpoint, {}); }), HasSubstr("model.layers.1.mlp.up_proj.weight: nan"));
  // What a view makes is looked at when it is written.
  class Broken : public RandomModel {
   public:
    using RandomModel::RandomModel;
    at::Tensor tensor(const std::string& name) const override {
      return at::full_like(RandomModel::tensor(name), 1.0 / 0.0);
    }
  };
  const Broken broken(small_config(Architecture::kLlama));
  const ScratchFolder target;
  EXPECT_THAT(error_of([&] { write_hf_model(target.path(), broken, "{}"); }), HasSubstr("model.embed_tokens.weight"));
}

TEST(FiniteTensors, HoldForTheScalesAndNormsOfQuantizedModels) {
  const auto write = [](const fs::path& folder) {
    ModelConfig config = small_config(Architecture::kLlama);
    config.tied_embeddings = true;
    const RandomModel random(config);
    const QuantFormat format = parse_quant_format("w4g16-sym");
    ModelPlan plan = uniform_plan(config.layers);
    for (const LinearSlot slot : kLinearSlots) plan.set_weight(slot, format);
    NativeWriter writer(folder);
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        const std::string name = linear_name(layer, slot);
        const at::Tensor values = random.linear(name).dense_float32().contiguous();
        const std::span<const float> span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()));
        writer.add_linear(name, {.matrix = round_to_nearest(span, values.size(0), values.size(1), format)});
      }
      for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight"}) {
        const std::string name = "model.layers." + std::to_string(layer) + "." + norm;
        writer.add_tensor(name, random.tensor(name));
      }
    }
    for (const char* name : {"model.embed_tokens.weight", "model.norm.weight"}) {
      writer.add_tensor(name, random.tensor(name));
    }
    writer.finish_part("all");
    writer.finish(config, plan);
  };
  const Pattern infinity{at::kFloat, "inf", 0x7F800000};
  const Written scales(write), norm(write);
  scales.poison_tensor(scales.path() / "model-all.safetensors", "model.layers.1.mlp.up_proj.weight.scales", 7,
                       infinity);
  EXPECT_THAT(error_of([&] { check_all_tensors(*open_checkpoint(scales.path())); }),
              HasSubstr("model.layers.1.mlp.up_proj.weight: the scale inf at [2, 1]"));
  norm.poison_tensor(norm.path() / "model-all.safetensors", "model.norm.weight", 7, infinity);
  EXPECT_THAT(error_of([&] { check_all_tensors(*open_checkpoint(norm.path())); }),
              HasSubstr("model.norm.weight: inf at [7]"));
}

TEST(FiniteTensors, HoldForGgufFiles) {
  const ScratchFolder folder;
  const auto failure = [&](std::size_t offset, std::uint32_t bits) {
    testing::GgufText text = testing::tiny_llama();
    std::memcpy(text.data.data() + offset, &bits, 4);
    fs::remove(folder.path() / "m.gguf");
    write_bytes(folder.path() / "m.gguf", text.bytes());
    return error_of([&] { check_all_tensors(*open_checkpoint(folder.path() / "m.gguf")); });
  };
  EXPECT_EQ(failure(0, 0), "");
  EXPECT_THAT(failure(4 * (8 * 2 + 3), 0x7FC00000), HasSubstr("tensor model.embed_tokens.weight: nan at [2, 3]"));
  EXPECT_THAT(failure(4 * (32 + 1), 0xFF800000), HasSubstr("tensor model.norm.weight: -inf at [1]"));
}

TEST(FiniteTensors, HoldForTheScalesOfGgufBlocks) {
  QREASON_REQUIRE_SHARED(source, "oracle/checkpoints/gguf/qwen2-tiny-Q4_0.gguf");
  const ScratchFolder folder;
  std::size_t offset = 0, columns = 0;
  {
    const GgufFile file(source);
    const GgufTensor& tensor = file.tensor("blk.1.ffn_up.weight");
    ASSERT_EQ(tensor.type, GgmlType::kQ4_0);
    columns = static_cast<std::size_t>(tensor.shape[1]);
    offset = static_cast<std::size_t>(tensor.bytes.data() - file.map().bytes().data());
  }
  std::string bytes = read_bytes(source);
  constexpr std::size_t kBlockBytes = 18, kBlockElements = 32;  // a float16 scale and 32 codes
  const std::uint16_t infinity = 0x7C00;
  std::memcpy(bytes.data() + offset + (2 * columns / kBlockElements + 1) * kBlockBytes, &infinity, 2);
  write_bytes(folder.path() / "m.gguf", bytes);
  EXPECT_THAT(error_of([&] { check_all_tensors(*open_checkpoint(folder.path() / "m.gguf")); }),
              ::testing::MatchesRegex(".*tensor model.layers.1.mlp.up_proj.weight: .* at .2, 3[2-9].*"));
}

}  // namespace
}  // namespace qreason
