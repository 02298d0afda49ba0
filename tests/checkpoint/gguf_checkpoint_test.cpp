// GGUF files of llama.cpp as models: the config of their metadata, and the logits of an exact reading.
#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
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

TEST(GgufCheckpoint, SaysThatAVocabularyIsNoModel) {
  QREASON_REQUIRE_SHARED(path, "models/llamacpp-vocab/ggml-vocab-gpt-2.gguf");
  EXPECT_THROW(open_checkpoint(path), Error);
  const GgufFile file(path);
  ASSERT_NE(file.strings("tokenizer.ggml.tokens"), nullptr);
  EXPECT_EQ(file.strings("tokenizer.ggml.tokens")->size(), 50257u);
}

}  // namespace
}  // namespace qreason
