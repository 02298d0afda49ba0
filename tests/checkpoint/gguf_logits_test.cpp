// Logits of llama.cpp's files, read exactly.
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/oracle_logits.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using testing::all_close;

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
  const std::vector<float> all = testing::all_eval_logits(*checkpoint, tokens);
  const auto vocab = static_cast<std::size_t>(checkpoint->config().vocab_size);
  EXPECT_TRUE(
      all_close(testing::at_positions(all, tokens, vocab), golden.read_f32("logits_exact"), {.absolute = 1e-4}));
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
