// Logits of llama.cpp's files, read exactly.
#include <gtest/gtest.h>

#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"
#include "kernels/executor.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using testing::all_close;

// Logits [2, 16, vocab] of the two `eval` sequences at `logit_positions`.
std::vector<float> logits_of(const Checkpoint& checkpoint, const SafetensorsFile& tokens) {
  Decoder decoder(checkpoint, {.type = ComputeType::kFloat32});
  Executor executor(2);
  const std::vector<std::int32_t> eval = tokens.read_i32("eval"), positions = tokens.read_i32("logit_positions");
  const std::size_t length = eval.size() / 2;
  const auto vocab = static_cast<std::size_t>(checkpoint.config().vocab_size);
  std::vector<float> selected;
  for (std::size_t sequence = 0; sequence < 2; ++sequence) {
    SequenceCache cache(PagePool(decoder.cache_layout()));
    DecoderStep step;
    const DecoderInput input{.tokens = std::span(eval).subspan(sequence * length, length),
                             .cache = &cache,
                             .logits = DecoderInput::Logits::kAll};
    std::vector<float> logits;
    decoder.forward({&input, 1}, step, logits, executor);
    for (const std::int32_t position : positions) {
      const auto row = logits.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(position) * vocab);
      selected.insert(selected.end(), row, row + static_cast<std::ptrdiff_t>(vocab));
    }
  }
  return selected;
}

struct OracleFile {
  const char* name;
  const char* model;
};

class GgufLogits : public ::testing::TestWithParam<OracleFile> {};

TEST_P(GgufLogits, EqualThoseOfExactDecoding) {
  // `logits_exact`: an independent decoder's weights in a float32 forward; its README's limit for a reader is 1e-4.
  const std::string base = std::string("checkpoints/gguf/") + GetParam().name;
  QREASON_REQUIRE_ORACLE(model_file, base + ".gguf");
  QREASON_REQUIRE_ORACLE(golden_file, base + ".golden.safetensors");
  QREASON_REQUIRE_ORACLE(tokens_file, std::string(GetParam().model) + "/tokens.safetensors");
  const auto checkpoint = open_checkpoint(model_file);
  const SafetensorsFile golden(golden_file), tokens(tokens_file);
  EXPECT_TRUE(all_close(logits_of(*checkpoint, tokens), golden.read_f32("logits_exact"), {.absolute = 1e-4}));
}

INSTANTIATE_TEST_SUITE_P(
    Oracle, GgufLogits,
    ::testing::Values(OracleFile{"llama-tiny-Q4_0-pure", "llama-tiny"}, OracleFile{"llama-tiny-Q4_K_M", "llama-tiny"},
                      OracleFile{"llama-tiny-bf16", "llama-tiny"}, OracleFile{"qwen2-256-Q4_K_M", "qwen2-tiny"},
                      OracleFile{"qwen2-256-Q6_K", "qwen2-tiny"}, OracleFile{"qwen2-tiny-Q4_0", "qwen2-tiny"},
                      OracleFile{"qwen2-tiny-Q4_1", "qwen2-tiny"}, OracleFile{"qwen2-tiny-Q5_0", "qwen2-tiny"},
                      OracleFile{"qwen2-tiny-Q5_1", "qwen2-tiny"}, OracleFile{"qwen2-tiny-Q8_0", "qwen2-tiny"}),
    [](const auto& item) {
      std::string name = item.param.name;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace qreason
