#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/fixtures.h"

namespace qreason::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

nlohmann::json inspect(const std::string& arguments) {
  const CommandResult result = run_command(qreason_binary() + " inspect --json " + arguments);
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(result.standard_error, "");
  return nlohmann::json::parse(result.standard_output);
}

TEST(Inspect, ShowsASafetensorsFolder) {
  QREASON_REQUIRE_ORACLE(path, "qwen2-tiny");
  const auto json = inspect(path.string() + " --tensors --hash");
  EXPECT_EQ(json.at("architecture"), "Qwen2ForCausalLM");
  EXPECT_EQ(json.at("format"), "safetensors");
  EXPECT_EQ(json.at("tensors").size(), json.at("all").at("tensors"));
  // The file is 8 bytes of length, a header, and the tensors.
  EXPECT_LT(json.at("all").at("bytes").get<std::uint64_t>(), fs::file_size(path / "model.safetensors"));
  EXPECT_EQ(json.at("all").at("elements"), json.at("parameters"));
  EXPECT_EQ(json.at("linears").at("bits_per_weight"), 32.0);
  EXPECT_EQ(json.at("sha256").get<std::string>().size(), 64u);
  EXPECT_TRUE(json.at("tokenizer").is_null());
}

TEST(Inspect, ShowsTheBitsOfGgufBlocks) {
  QREASON_REQUIRE_SHARED(path, "oracle/checkpoints/gguf/qwen2-256-Q4_K_M.gguf");
  const auto json = inspect(path.string());
  EXPECT_EQ(json.at("format"), "gguf");
  EXPECT_EQ(json.at("types").at("Q4_K").at("bits_per_weight"), 4.5);     // 144 bytes for 256 weights
  EXPECT_EQ(json.at("types").at("Q6_K").at("bits_per_weight"), 6.5625);  // 210 bytes for 256 weights
}

// GPTQModel's meta.quantizer, and what checkpoint_formats.md (sections 0 and 4) says of symmetric four bits in groups
// of 128.
TEST(Inspect, TellsWhatMadeACheckpointAndWhatServesIt) {
  QREASON_REQUIRE_SHARED(path, "oracle/checkpoints/gptq-w4g128-sym");
  const auto json = inspect(path.string());
  EXPECT_EQ(json.at("format"), "gptq");
  EXPECT_EQ(json.at("made_by"), "gptqmodel 7.7.0");
  EXPECT_EQ(json.at("method"), "quantized.gptq-gptqmodel-w4g128");
  EXPECT_THAT(json.at("served_by").get<std::vector<std::string>>(),
              ::testing::ElementsAre("vLLM (Marlin)", "SGLang", "transformers (with gptqmodel)", "GPTQModel"));
  EXPECT_EQ(json.at("plan_name"), "W4A16KV16");
  EXPECT_THAT(run_command(qreason_binary() + " inspect " + path.string()).standard_output,
              HasSubstr("made by         gptqmodel 7.7.0"));
}

TEST(Inspect, ComputesSizesFromAConfigAlone) {
  // Parameters and bytes as model_configs.md counts them for this model.
  QREASON_REQUIRE_SHARED(config, "models/configs/DeepSeek-R1-Distill-Llama-8B.config.json");
  const ScratchFolder folder;
  fs::copy(config, folder.path() / "config.json");
  const auto json = inspect(folder.path().string());
  EXPECT_EQ(json.at("weights_present"), false);
  EXPECT_EQ(json.at("parameters"), 8030261248);
  EXPECT_EQ(json.at("memory").at("weights_bytes"), 2 * 8030261248);
  // 2 (keys, values) x 32 layers x 8 heads x 128 x 4 bytes.
  EXPECT_EQ(json.at("memory").at("cache_bytes_per_token"), 262144);
  EXPECT_THAT(run_command(qreason_binary() + " inspect " + folder.path().string()).standard_output,
              HasSubstr("weights absent"));
}

// The rotations of QuaRot on a tiny model: what runs online costs n (log2 power + 1 + 2 core) a row, by hand.
TEST(Inspect, ShowsWhatRunsOnlineAndWhatItCosts) {
  QREASON_REQUIRE_ORACLE(model, "qwen2-tiny");
  const ScratchFolder folder;
  const std::string out = (folder.path() / "quantized").string();
  std::ofstream(folder.path() / "recipe.toml")
      << "name = \"rotated\"\n[[pass]]\nkind = \"fold_norms\"\n"
         "[[pass]]\nkind = \"rotate_residual\"\n"
         "[[pass]]\nkind = \"rotate_values\"\nfull = true\n"
         "[[pass]]\nkind = \"rotate_down\"\n[[pass]]\nkind = \"rotate_keys\"\n";
  const CommandResult made = run_command(qreason_binary() + " quantize " + model.string() + " " +
                                         (folder.path() / "recipe.toml").string() + " -o " + out + " --quiet");
  ASSERT_EQ(made.exit_code, 0) << made.standard_error;
  const auto transforms = inspect(out).at("transforms");
  // Two layers, hidden 128, 4 heads of 32 and 2 of keys, MLP 384 = 12 x 32.
  EXPECT_EQ(transforms.at("mlp_mid").at("online"), nlohmann::json::array({"hadamard384/12"}));
  EXPECT_EQ(transforms.at("mlp_mid").at("flops_per_token"), 2 * 384 * (5 + 1 + 2 * 12));
  EXPECT_EQ(transforms.at("attn_out").at("online"), nlohmann::json::array({"hadamard4x32"}));
  EXPECT_EQ(transforms.at("attn_out").at("flops_per_token"), 2 * 128 * (2 + 1));
  EXPECT_EQ(transforms.at("key").at("flops_per_token"), 2 * (128 + 64) * (5 + 1));
  EXPECT_EQ(transforms.at("attn_in").at("online"), nlohmann::json::array());
  EXPECT_EQ(transforms.at("attn_in").at("folded_by"), nlohmann::json::array({"fold_norms", "rotate_residual"}));
  EXPECT_EQ(transforms.at("value").at("folded_by"), nlohmann::json::array({"rotate_values"}));
  const std::string text = run_command(qreason_binary() + " inspect " + out).standard_output;
  EXPECT_THAT(text, HasSubstr("hadamard384/12"));
  EXPECT_THAT(text, HasSubstr("rotate_residual"));
}

// 5 layers, 2 heads of 32. A stream of codes has 2 x 16 x (16 + 4 + 1) = 672 bytes a page, in whole cache lines 704: 44
// a token; one of floats 2 x 32 x 4 = 256.
TEST(Inspect, CountsACacheOfCodes) {
  const ScratchFolder folder;
  EXPECT_EQ(inspect("steps-qwen2-1m").at("memory").at("cache_bytes_per_token"), 5 * 2 * 256);
  const std::string path = (folder.path() / "quantized").string();
  const CommandResult result = run_command(qreason_binary() + " quantize steps-qwen2-1m rtn-w4a4kv4 -o " + path);
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  const auto memory = inspect(path).at("memory");
  EXPECT_EQ(memory.at("cache_bytes_per_token"), 5 * 2 * 44);
  EXPECT_EQ(memory.at("cache_bytes_full_context"), 5 * 2 * 44 * 640);
}

TEST(Inspect, NamesWhatIsWrong) {
  const ScratchFolder folder;
  const auto refused = [&](const std::string& arguments) {
    const CommandResult result = run_command(qreason_binary() + " inspect " + arguments);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.standard_output, "");
    return result.standard_error;
  };
  EXPECT_THAT(refused(folder.path().string()), HasSubstr("no config.json"));
  std::ofstream(folder.path() / "config.json") << "{\"architectures\": [\"MambaForCausalLM\"]}";
  EXPECT_THAT(refused(folder.path().string()), HasSubstr("MambaForCausalLM"));
  std::ofstream(folder.path() / "broken.gguf") << "GGUF";
  EXPECT_THAT(refused((folder.path() / "broken.gguf").string()), HasSubstr("broken.gguf"));
  EXPECT_THAT(refused("no-such-model"), HasSubstr("no-such-model"));
}

}  // namespace
}  // namespace qreason::testing
