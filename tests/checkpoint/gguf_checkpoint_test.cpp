// GGUF files of llama.cpp as models: the config of their metadata, and the logits of an exact reading.
#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_builder.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
TEST(GgufCheckpoint, DescribesTheModelAsItsConfigDoes) {
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  const auto hf = open_checkpoint(oracle / "llama-tiny");
  const auto gguf = open_checkpoint(oracle / "checkpoints/gguf/llama-tiny-bf16.gguf");
  const ModelConfig &want = hf->config(), &got = gguf->config();
  EXPECT_EQ(gguf->format(), "gguf");
  EXPECT_NE(gguf->gguf(), nullptr);
  EXPECT_EQ(got.architecture, want.architecture);
  EXPECT_EQ(got.hidden_size, want.hidden_size);
  EXPECT_EQ(got.head_dim, want.head_dim);
  EXPECT_EQ(got.kv_heads, want.kv_heads);
  EXPECT_EQ(got.vocab_size, want.vocab_size);
  EXPECT_EQ(got.max_positions, want.max_positions);
  EXPECT_EQ(got.rms_norm_epsilon, want.rms_norm_epsilon);
  EXPECT_EQ(got.rope_theta, want.rope_theta);
  EXPECT_EQ(got.tied_embeddings, want.tied_embeddings);
  EXPECT_EQ(got.eos_tokens, want.eos_tokens);
  EXPECT_EQ(got.bos_token, want.bos_token);
  EXPECT_EQ(got.stored_type, StoredType::kBFloat16);
  EXPECT_EQ(parameter_count(got), parameter_count(want));
  // The divisors in the file are float32: they carry the llama3 scaling to that precision.
  const std::vector<float> got_frequencies = rope_inverse_frequencies(got);
  const std::vector<float> want_frequencies = rope_inverse_frequencies(want);
  for (std::size_t i = 0; i < want_frequencies.size(); ++i) {
    EXPECT_NEAR(got_frequencies[i] / want_frequencies[i], 1, 1e-6) << i;
  }
}

TEST(GgufCheckpoint, PutsLlamasQueryAndKeyRowsBack) {
  // bf16 rounding is all that the file did to the weights.
  QREASON_REQUIRE_SHARED(oracle, "oracle");
  const auto hf = open_checkpoint(oracle / "llama-tiny");
  const auto gguf = open_checkpoint(oracle / "checkpoints/gguf/llama-tiny-bf16.gguf");
  for (const LinearSlot slot : kLinearSlots) {
    const std::string name = linear_name(1, slot);
    const at::Tensor want = hf->linear(name).dense_float32().to(at::kBFloat16).to(at::kFloat);
    const at::Tensor got = gguf->linear(name).dense_float32();
    EXPECT_TRUE(got.equal(want)) << name;
  }
}

TEST(GgufCheckpoint, KeepsStoredFloatsAndDecodesBlocksToFloat32) {
  QREASON_REQUIRE_SHARED(folder, "oracle/checkpoints/gguf");
  const auto plain = open_checkpoint(folder / "llama-tiny-bf16.gguf");
  EXPECT_EQ(plain->tensor("model.embed_tokens.weight").scalar_type(), at::kBFloat16);
  EXPECT_EQ(plain->tensor("model.norm.weight").scalar_type(), at::kFloat);
  const auto packed = open_checkpoint(folder / "qwen2-256-Q4_K_M.gguf");
  EXPECT_EQ(packed->tensor("model.embed_tokens.weight").scalar_type(), at::kFloat);
  ASSERT_TRUE(packed->linear("model.layers.0.self_attn.k_proj").bias.has_value());
  EXPECT_EQ(packed->config().stored_type, StoredType::kFloat32);
}

TEST(GgufCheckpoint, HasAHashOfItsContent) {
  QREASON_REQUIRE_SHARED(folder, "oracle/checkpoints/gguf");
  const auto hash = [&](const char* name) { return open_checkpoint(folder / name)->content_hash(); };
  EXPECT_EQ(hash("qwen2-tiny-Q4_0.gguf"), hash("qwen2-tiny-Q4_0.gguf"));
  EXPECT_NE(hash("qwen2-tiny-Q4_0.gguf"), hash("qwen2-tiny-Q4_1.gguf"));
  EXPECT_EQ(hash("qwen2-tiny-Q4_0.gguf").size(), 64u);
}

// The tiny llama with more metadata; the Error's text where it is refused.
class TinyGguf {
 public:
  explicit TinyGguf(const std::vector<std::string>& entries) {
    testing::GgufText text = testing::tiny_llama();
    text.entries.insert(text.entries.end(), entries.begin(), entries.end());
    testing::write_bytes(path(), text.bytes());
  }
  std::unique_ptr<Checkpoint> open() const { return open_checkpoint(path()); }
  std::string failure() const {
    return testing::error_of([&] { open(); });
  }

 private:
  std::filesystem::path path() const { return folder_.path() / "m.gguf"; }
  testing::ScratchFolder folder_;
};

using testing::gguf_f32;
using testing::gguf_string;
using testing::gguf_u32;
constexpr const char* kFactor = "llama.rope.scaling.factor";
constexpr const char* kType = "llama.rope.scaling.type";

// llama.cpp (llama-model.cpp, llama-context.cpp): the default type is linear, the old key is the factor where the new
// one is absent, 0 is none, and "none" turns a factor off.
TEST(GgufCheckpoint, ReadsTheRopeScalingsOfLlamaCpp) {
  const auto scaling = [](const std::vector<std::string>& entries) {
    return TinyGguf(entries).open()->config().rope_scaling;
  };
  const RopeScaling linear = LinearRopeScaling{2.5, 16};
  EXPECT_EQ(scaling({}), std::nullopt);
  EXPECT_EQ(scaling({gguf_f32(kFactor, 2.5f)}), linear);
  EXPECT_EQ(scaling({gguf_f32(kFactor, 2.5f), gguf_string(kType, "linear")}), linear);
  EXPECT_EQ(scaling({gguf_f32("llama.rope.scale_linear", 2.5f)}), linear);
  EXPECT_EQ(scaling({gguf_f32(kFactor, 0), gguf_f32("llama.rope.scale_linear", 2.5f)}), linear);
  EXPECT_EQ(scaling({gguf_f32(kFactor, 2.5f), gguf_string(kType, "none")}), std::nullopt);
  EXPECT_EQ(scaling({gguf_f32(kFactor, 1)}), std::nullopt);
  const std::vector<std::string> yarn{gguf_string(kType, "yarn"), gguf_f32(kFactor, 4),
                                      gguf_u32("llama.rope.scaling.original_context_length", 8)};
  EXPECT_EQ(scaling(yarn), RopeScaling(YarnRopeScaling{.factor = 4, .original_max_positions = 8}));
  std::vector<std::string> more = yarn;
  more.push_back(gguf_f32("llama.rope.scaling.attn_factor", 0.5f));
  more.push_back(gguf_f32("llama.rope.scaling.yarn_beta_fast", 16));
  const RopeScaling got = *scaling(more);
  EXPECT_EQ(std::get<YarnRopeScaling>(got).beta_fast, 16);
  EXPECT_NEAR(*std::get<YarnRopeScaling>(got).attention_factor, 0.5 * (1 + 0.1 * std::log(4.0)), 1e-12);
}

// Its name for a Mistral is llama, too; only the window tells them apart.
TEST(GgufCheckpoint, ReadsALlamaWithAWindowAsAMistral) {
  const ModelConfig config = TinyGguf({gguf_u32("llama.attention.sliding_window", 7)}).open()->config();
  EXPECT_EQ(config.architecture, Architecture::kMistral);
  EXPECT_EQ(attention_window(config, config.layers - 1), 7);
  EXPECT_EQ(TinyGguf({gguf_u32("llama.attention.sliding_window", 0)}).open()->config().architecture,
            Architecture::kLlama);
}

TEST(GgufCheckpoint, NamesTheMetadataThatItCannotApply) {
  using ::testing::HasSubstr;
  EXPECT_THAT(TinyGguf({gguf_u32("llama.expert_count", 8)}).failure(), HasSubstr("a mixture of experts"));
  EXPECT_THAT(TinyGguf({gguf_string(kType, "longrope"), gguf_f32(kFactor, 2)}).failure(), HasSubstr("longrope"));
  EXPECT_THAT(TinyGguf({gguf_f32("llama.rope.scaling.attn_factor", 2)}).failure(), HasSubstr("attn_factor is 2"));
  EXPECT_THAT(TinyGguf({gguf_f32("llama.rope.scaling.yarn_log_multiplier", 0.1f)}).failure(),
              HasSubstr("yarn_log_multiplier"));
  EXPECT_THAT(TinyGguf({testing::gguf_array("llama.rope.dimension_sections", 4, 0, "")}).failure(),
              HasSubstr("rope.dimension_sections"));
  EXPECT_THAT(TinyGguf({gguf_f32("llama.attention.scale", 0.5f)}).failure(), HasSubstr("attention.scale"));
  EXPECT_THAT(TinyGguf({gguf_u32("llama.expert_used_count", 2)}).failure(), HasSubstr("expert_used_count"));
  EXPECT_EQ(TinyGguf({gguf_u32("llama.some_new_key", 2)}).failure(), "") << "unknown keys are allowed";
  EXPECT_EQ(TinyGguf({gguf_f32("general.sampling.min_p", 0.1f)}).open()->generation_defaults().unsupported,
            std::vector<std::string>{"metadata general.sampling.min_p is 0.10000000149011612"});
}

TEST(GgufCheckpoint, SaysThatAVocabularyIsNoModel) {
  QREASON_REQUIRE_SHARED(path, "models/llamacpp-vocab/ggml-vocab-gpt-2.gguf");
  EXPECT_THROW(open_checkpoint(path), Error);
  const GgufFile file(path);
  ASSERT_NE(file.strings("tokenizer.ggml.tokens"), nullptr);
  EXPECT_EQ(file.strings("tokenizer.ggml.tokens")->size(), 50257u);
}

}  // namespace
}  // namespace qreason
