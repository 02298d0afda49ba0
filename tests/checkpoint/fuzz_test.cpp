// The fuzz targets over mutations from fixed seeds: the same few thousand broken files in every run.
#include "../../fuzz/checkpoint_targets.h"

#include <gtest/gtest.h>

#include "checkpoint/broken_files.h"
#include "checkpoint/gguf_builder.h"
#include "support/fixtures.h"
#include "support/fuzz_run.h"

namespace qreason {
namespace {
using testing::MemoryLimit;
using testing::raw;
using testing::run_mutations;

std::vector<std::uint8_t> as_bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

TEST(Fuzz, SafetensorsGiveErrorsAtWorst) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"c":{"dtype":"F4","shape":[4],"data_offsets":[22,24]}})";
  const MemoryLimit limit(64);
  run_mutations(raw<std::uint64_t>(header.size()) + header + std::string(24, 'x'), 20000, fuzz::read_as_safetensors);
}

TEST(Fuzz, GgufGivesErrorsAtWorst) {
  const MemoryLimit limit(64);
  run_mutations(testing::tiny_llama().bytes(), 8000, fuzz::read_as_gguf);
}

const std::string kSchemes =
    R"({"format": "pack-quantized", "version": "0.19.0", "config_groups": {"group_0": {
        "targets": ["re:.*\\.(q|k)_proj$", "Linear"],
        "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": false},
        "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true}}},
        "ignore": ["lm_head"], "kv_cache_scheme": {"num_bits": 8, "type": "float", "strategy": "tensor"}})";

TEST(Fuzz, SchemesGiveErrorsAtWorst) {
  const MemoryLimit limit(64);
  run_mutations(kSchemes, 10000, fuzz::read_as_schemes);
}

TEST(Fuzz, TargetsReadGoodFiles) {
  // A target that always fails, and so returns 0, would pass the tests above.
  const std::string header = R"({"a":{"dtype":"U8","shape":[24],"data_offsets":[0,24]}})";
  EXPECT_EQ(fuzz::read_as_safetensors(as_bytes(raw<std::uint64_t>(header.size()) + header + std::string(24, 'x'))),
            24u * 'x');
  EXPECT_EQ(fuzz::read_as_schemes(as_bytes(kSchemes)), 2u * (4 + 1));
  // All data is zero; one layer.
  EXPECT_EQ(fuzz::read_as_gguf(as_bytes(testing::tiny_llama().bytes())), 1u);
}

}  // namespace
}  // namespace qreason
