// Hugging Face directories: the oracle's models open with the values of their files, and broken folders say what is
// wrong.
#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "checkpoint/broken_files.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/model_tensors.h"
#include "checkpoint/readers.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using testing::bits_equal;
using testing::error_of;
using ::testing::HasSubstr;
using testing::MemoryLimit;
using testing::read_bytes;
using testing::ScratchFolder;
using testing::try_every_damage;
using testing::write_bytes;

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

TEST(HfCheckpoint, OpensTheOraclesModelsWithTheTensorsOfTheFile) {
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
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

constexpr const char* kConfig = R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8,
  "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 4,
  "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "torch_dtype": "float32"})";
constexpr const char* kQ = "model.layers.0.self_attn.q_proj.weight";

// A llama of one layer as a Hugging Face folder; `change` may spoil its tensors before they are written.
class TinyFolder {
 public:
  explicit TinyFolder(const std::function<void(std::vector<SafetensorsTensor>&)>& change = nullptr) {
    write_bytes(path() / "config.json", kConfig);
    tensors_ = all_tensors();
    if (change) change(tensors_);
    write_safetensors(path() / "model.safetensors", tensors_);
  }

  const fs::path& path() const { return scratch_.path(); }
  std::string failure() const {
    const MemoryLimit limit(64);
    return error_of([&] { open_checkpoint(path())->content_hash(); });
  }
  // The same tensors in two shards with the index that names them.
  void shard(const std::string& second = "model-00002-of-000002.safetensors") {
    fs::remove(path() / "model.safetensors");
    const std::string first = "model-00001-of-000002.safetensors";
    write_safetensors(path() / first, {tensors_.begin(), tensors_.begin() + 3});
    write_safetensors(path() / second, {tensors_.begin() + 3, tensors_.end()});
    Json map;
    for (std::size_t i = 0; i < tensors_.size(); ++i) map[tensors_[i].name] = i < 3 ? first : second;
    write_index({{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
  }
  void write_index(const Json& index) const { write_bytes(path() / "model.safetensors.index.json", index.dump()); }
  Json index() const { return parse_json(read_bytes(path() / "model.safetensors.index.json"), "index"); }

 private:
  std::vector<SafetensorsTensor> all_tensors() {
    const ModelConfig config = parse_model_config(parse_json(kConfig, "config"), "config");
    std::vector<SafetensorsTensor> tensors;
    for (const std::string& name : plain_tensor_names(config)) {
      tensors.push_back({name, SafetensorsType::kF32, shape_of_tensor(config, name, "test"), {}});
    }
    for (const std::string& name : linear_names(config)) {
      const LinearPlace place = place_of_linear(config, name, "test");
      tensors.push_back({name + ".weight", SafetensorsType::kF32, {place.rows, place.columns}, {}});
    }
    for (SafetensorsTensor& tensor : tensors) {
      const std::size_t count =
          static_cast<std::size_t>(tensor.shape.size() == 2 ? tensor.shape[0] * tensor.shape[1] : tensor.shape[0]);
      tensor.bytes = std::as_bytes(std::span(zeros_)).first(4 * count);
    }
    return tensors;
  }

  ScratchFolder scratch_;
  std::vector<float> zeros_ = std::vector<float>(64);
  std::vector<SafetensorsTensor> tensors_;
};

SafetensorsTensor& find(std::vector<SafetensorsTensor>& tensors, const std::string& name) {
  for (SafetensorsTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::runtime_error("no tensor " + name);
}

TEST(HfCheckpoint, ReadsATiedModelsHeadFromItsEmbedding) {
  const TinyFolder folder;
  const auto checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(checkpoint->linear("lm_head").rows(), 4);
  EXPECT_EQ(checkpoint->generation_defaults().temperature, std::nullopt);
  EXPECT_EQ(checkpoint->gguf(), nullptr);
  EXPECT_EQ(checkpoint->tensors().size(), 11u);
}

// As transformers 5.24: LlamaForCausalLM.from_pretrained() ties when the stored head equals the embedding, keeps both
// when it differs, and takes whichever of the two is there alone.
TEST(HfCheckpoint, UsesAStoredHeadThatDiffersFromTheEmbeddingOfATiedConfig) {
  static const std::vector<float> ones(64, 1.0f), zeros(64, 0.0f);
  const auto folder_with = [](const std::vector<float>& head) {
    return TinyFolder([&](auto& tensors) {
      tensors.push_back({"lm_head.weight", SafetensorsType::kF32, {4, 8}, std::as_bytes(std::span(head).first(32))});
    });
  };
  const TinyFolder different = folder_with(ones), same = folder_with(zeros);
  const auto untied = open_checkpoint(different.path()), tied = open_checkpoint(same.path());
  EXPECT_FALSE(untied->config().tied_embeddings);
  EXPECT_TRUE(bits_equal(values_of(untied->linear("lm_head").dense_float32()), std::span(ones).first(32)));
  ASSERT_EQ(untied->warnings().size(), 1u);
  EXPECT_THAT(untied->warnings().front(), HasSubstr("\"tie_word_embeddings\" is true, but the stored lm_head.weight"));
  EXPECT_TRUE(tied->config().tied_embeddings);
  EXPECT_TRUE(tied->warnings().empty());
  const TinyFolder wrong([&](auto& tensors) {
    tensors.push_back({"lm_head.weight", SafetensorsType::kF32, {2, 8}, std::as_bytes(std::span(ones).first(16))});
  });
  EXPECT_THAT(wrong.failure(), HasSubstr("lm_head.weight: shape [2, 8]"));
}

TEST(HfCheckpoint, ComparesATiedHeadOfAnotherTypeByItsValues) {
  static const std::vector<std::uint16_t> zeros(32, 0), ones(32, 0x3F80);
  for (const auto* head : {&zeros, &ones}) {
    const TinyFolder folder([&](auto& tensors) {
      tensors.push_back({"lm_head.weight", SafetensorsType::kBF16, {4, 8}, std::as_bytes(std::span(*head))});
    });
    EXPECT_EQ(open_checkpoint(folder.path())->config().tied_embeddings, head == &zeros);
  }
}

TEST(HfCheckpoint, ReadsATiedModelThatStoresItsHeadAlone) {
  const TinyFolder folder([](auto& tensors) { find(tensors, "model.embed_tokens.weight").name = "lm_head.weight"; });
  const auto checkpoint = open_checkpoint(folder.path());
  EXPECT_TRUE(checkpoint->config().tied_embeddings);
  EXPECT_EQ(checkpoint->tensor("model.embed_tokens.weight").size(0), 4);
  EXPECT_EQ(checkpoint->linear("lm_head").rows(), 4);
}

TEST(HfCheckpoint, ReadsTheNamesOfACheckpointSavedFromTheBaseModel) {
  const auto shorten = [](std::vector<SafetensorsTensor>& tensors) {
    for (SafetensorsTensor& tensor : tensors) tensor.name = tensor.name.substr(std::string("model.").size());
  };
  const TinyFolder folder(shorten);
  EXPECT_EQ(folder.failure(), "");
  const auto checkpoint = open_checkpoint(folder.path());
  EXPECT_EQ(checkpoint->linear("model.layers.0.mlp.up_proj").rows(), 8);
  EXPECT_EQ(checkpoint->tensor("model.norm.weight").size(0), 8);
  std::string config = kConfig;
  config.replace(config.find("LlamaForCausalLM"), 16, "LlamaModel");
  EXPECT_EQ(parse_model_config(parse_json(config, "c"), "c").architecture, Architecture::kLlama);
  const TinyFolder mixed([](auto& tensors) { find(tensors, kQ).name = std::string(kQ).substr(6); });
  EXPECT_THAT(mixed.failure(), HasSubstr(kQ)) << "one spelling a file";
}

TEST(HfCheckpoint, HasOneHashWhetherShardedOrNot) {
  TinyFolder folder;
  const std::string whole = open_checkpoint(folder.path())->content_hash();
  folder.shard();
  EXPECT_EQ(open_checkpoint(folder.path())->content_hash(), whole);
  const TinyFolder other([](auto& tensors) {
    static const std::vector<float> ones(64, 1.0f);
    find(tensors, kQ).bytes = std::as_bytes(std::span(ones));
  });
  EXPECT_NE(open_checkpoint(other.path())->content_hash(), whole);
}

TEST(HfCheckpoint, KeepsAMapAliveForItsTensors) {
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
  at::Tensor tensor;
  {
    const auto checkpoint = open_checkpoint(folder);
    tensor = checkpoint->tensor("model.norm.weight");
  }
  const SafetensorsFile file(folder / "model.safetensors");
  EXPECT_TRUE(bits_equal(values_of(tensor), file.read_f32("model.norm.weight")));
}

TEST(HfCheckpoint, CopiesTensorsThatAreNotAligned) {
  // A header one byte longer puts every tensor off its alignment; the values must be the same.
  QREASON_REQUIRE_ORACLE(folder, "qwen2-tiny");
  const ScratchFolder scratch;
  fs::copy(folder / "config.json", scratch.path() / "config.json");
  std::string bytes = read_bytes(folder / "model.safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  bytes.insert(8 + length, " ");
  ++length;
  std::memcpy(bytes.data(), &length, 8);
  write_bytes(scratch.path() / "model.safetensors", bytes);
  const auto moved = open_checkpoint(scratch.path()), original = open_checkpoint(folder);
  const std::string name = "model.layers.0.mlp.up_proj";
  EXPECT_TRUE(
      bits_equal(values_of(moved->linear(name).dense_float32()), values_of(original->linear(name).dense_float32())));
  EXPECT_EQ(moved->content_hash(), original->content_hash());
}

TEST(HfCheckpoint, ReadsGenerationDefaults) {
  QREASON_REQUIRE_SHARED(path, "models/configs/DeepSeek-R1-Distill-Qwen.generation_config.json");
  const TinyFolder folder;
  fs::copy(path, folder.path() / "generation_config.json");
  const GenerationDefaults defaults = open_checkpoint(folder.path())->generation_defaults();
  EXPECT_EQ(defaults.temperature, 0.6);
  EXPECT_EQ(defaults.top_p, 0.95);
  EXPECT_EQ(defaults.top_k, std::nullopt);
  EXPECT_EQ(defaults.eos_tokens, std::vector<std::int64_t>{151643});
  for (const char* bad : {R"({"temperature": -1})", R"({"top_p": 2})", R"({"top_k": "x"})", R"({"eos_token_id": [-1]})",
                          R"([])", R"({"temperature": 1e999})"}) {
    fs::remove(folder.path() / "generation_config.json");
    write_bytes(folder.path() / "generation_config.json", bad);
    EXPECT_THAT(folder.failure(), HasSubstr("generation_config.json")) << bad;
  }
}

TEST(HfCheckpoint, ReadsWhatGenerationConfigsSayOfSampling) {
  const auto read = [](const std::string& generation, const std::string& config = kConfig) {
    const TinyFolder folder;
    if (!generation.empty()) write_bytes(folder.path() / "generation_config.json", generation);
    return open_hf(folder.path(), parse_json(config, "config"))->generation_defaults();
  };
  EXPECT_EQ(read(R"({"do_sample": false, "temperature": 0.6})").temperature, 0);
  EXPECT_EQ(read(R"({"do_sample": true, "temperature": 0.6})").temperature, 0.6);
  EXPECT_EQ(read(R"({"repetition_penalty": 1.05})").repetition_penalty, 1.05);
  EXPECT_TRUE(read(R"({"min_p": 0, "num_beams": 1, "typical_p": 1.0, "bad_words_ids": [], "stop_strings": null,
                       "guidance_scale": null, "token_healing": false, "max_new_tokens": 10, "a_new_key": 3})")
                  .unsupported.empty());
  EXPECT_EQ(read(R"({"min_p": 0.1})").unsupported, std::vector<std::string>{"\"min_p\" is 0.1"});
  for (const char* set : {R"({"num_beams": 4})", R"({"no_repeat_ngram_size": 3})", R"({"bad_words_ids": [[1]]})",
                          R"({"stop_strings": "x"})", R"({"forced_eos_token_id": 0})", R"({"suppress_tokens": [1]})",
                          R"({"token_healing": true})"}) {
    EXPECT_EQ(read(set).unsupported.size(), 1u) << set;
  }
  // Old models have their settings in config.json, which count where there is no generation_config.json.
  std::string config = kConfig;
  config.insert(1, R"("temperature": 0.3, "min_p": 0.2,)");
  EXPECT_EQ(read("", config).temperature, 0.3);
  EXPECT_EQ(read("", config).unsupported.size(), 1u);
  EXPECT_EQ(read(R"({"top_p": 0.9})", config).temperature, std::nullopt);
}

TEST(HfCheckpoint, NamesTensorsThatDoNotFitTheConfig) {
  EXPECT_EQ(TinyFolder().failure(), "");
  EXPECT_THAT(TinyFolder([](auto& tensors) { tensors.pop_back(); }).failure(), HasSubstr("mlp.down_proj.weight"));
  EXPECT_THAT(TinyFolder([](auto& tensors) { find(tensors, kQ).shape = {4, 16}; }).failure(), HasSubstr("[4, 16]"));
  EXPECT_THAT(TinyFolder([](auto& tensors) { find(tensors, kQ).shape = {8, 8, 1}; }).failure(), HasSubstr(kQ));
  EXPECT_THAT(TinyFolder([](auto& tensors) { find(tensors, kQ).type = SafetensorsType::kI32; }).failure(),
              HasSubstr("I32"));
  // Whatever else is in there changes the function, or would if it were not ignored.
  for (const char* extra : {"model.layers.0.self_attn.q_proj.bias", "model.layers.0.self_attn.q_norm.weight",
                            "model.layers.1.mlp.up_proj.weight", "model.layers.00.mlp.up_proj.weight", "other"}) {
    const TinyFolder folder([&](auto& tensors) { tensors.push_back({extra, SafetensorsType::kF32, {0}, {}}); });
    EXPECT_THAT(folder.failure(), HasSubstr(extra));
  }
  const TinyFolder rotary([](auto& tensors) {
    tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", SafetensorsType::kF32, {0}, {}});
  });
  EXPECT_EQ(rotary.failure(), "");
  EXPECT_THAT(error_of([] { open_checkpoint(TinyFolder().path())->linear("model.layers.7.mlp.up_proj"); }),
              HasSubstr("model.layers.7.mlp.up_proj"));
}

TEST(HfCheckpoint, TakesShardNamesFromTheIndexAlone) {
  TinyFolder folder;
  folder.shard("weights-b.safetensors");
  EXPECT_EQ(folder.failure(), "");
}

TEST(HfCheckpoint, RefusesAnIndexThatLies) {
  TinyFolder folder;
  folder.shard();
  const Json whole = folder.index();
  const auto with = [&](const std::function<void(Json&)>& change) {
    Json index = whole;
    change(index["weight_map"]);
    folder.write_index(index);
    return folder.failure();
  };
  EXPECT_EQ(with([](Json&) {}), "");
  for (const char* name : {"../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", ".safetensors",
                           "model.safetensors.index.json", "config.json", "a\\b.safetensors"}) {
    EXPECT_THAT(with([&](Json& map) { map[kQ] = name; }), HasSubstr("index.json")) << name;
  }
  const std::string with_nul("a\0.safetensors", 14);
  EXPECT_THAT(with([&](Json& map) { map[kQ] = with_nul; }), HasSubstr("index.json"));
  EXPECT_THAT(with([](Json& map) { map[kQ] = "absent.safetensors"; }), HasSubstr("absent.safetensors"));
  EXPECT_THAT(with([](Json& map) { map[kQ] = "model-00001-of-000002.safetensors"; }), HasSubstr(kQ));
  EXPECT_THAT(with([](Json& map) { map.erase(kQ); }), HasSubstr(kQ));
  EXPECT_THAT(with([](Json& map) { map["ghost"] = "model-00001-of-000002.safetensors"; }), HasSubstr("ghost"));
  EXPECT_THAT(with([](Json& map) { map[kQ] = 3; }), HasSubstr(kQ));
  EXPECT_THAT(with([](Json& map) { map = Json::array(); }), HasSubstr("weight_map"));
  folder.write_index({{"weight_map", nullptr}});
  EXPECT_THAT(folder.failure(), HasSubstr("weight_map"));
  folder.write_index(whole);
  write_safetensors(folder.path() / "model-00001-of-000002.safetensors", {});
  EXPECT_THAT(folder.failure(), HasSubstr("is not in"));
}

TEST(HfCheckpoint, RefusesATensorInTwoShards) {
  TinyFolder folder;
  const std::string all = read_bytes(folder.path() / "model.safetensors");
  folder.shard();
  write_bytes(folder.path() / "model-00002-of-000002.safetensors", all);
  EXPECT_THAT(folder.failure(), HasSubstr("in another shard, too"));
}

TEST(HfCheckpoint, NamesQuantizationsThatItCannotRead) {
  const ScratchFolder scratch;
  Json config = parse_json(kConfig, "test");
  config["quantization_config"] = {{"quant_method", "bitsandbytes"}, {"bits", 4}};
  write_bytes(scratch.path() / "config.json", config.dump());
  const std::string failure = error_of([&] { open_checkpoint(scratch.path()); });
  EXPECT_THAT(failure, HasSubstr("quant_method \"bitsandbytes\""));
  EXPECT_THAT(failure, HasSubstr("awq, compressed-tensors, gptq"));
}

TEST(HfCheckpoint, SaysWhatIsMissing) {
  const ScratchFolder scratch;
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path() / "nowhere"); }), HasSubstr("nowhere"));
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path()); }), HasSubstr("no config.json"));
  write_bytes(scratch.path() / "config.json", kConfig);
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path()); }), HasSubstr("no weights"));
  write_bytes(scratch.path() / "x.bin", "");
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path() / "x.bin"); }), HasSubstr("x.bin"));
}

TEST(HfCheckpoint, FollowsNoLinksInACircle) {
  const ScratchFolder scratch;
  fs::create_symlink("loop", scratch.path() / "loop");
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path() / "loop"); }), HasSubstr("loop"));
  fs::create_symlink("config.json", scratch.path() / "config.json");
  EXPECT_THAT(error_of([&] { open_checkpoint(scratch.path()); }), HasSubstr("no config.json"));
  const TinyFolder folder;
  fs::remove(folder.path() / "model.safetensors");
  fs::create_symlink("model.safetensors", folder.path() / "model.safetensors");
  EXPECT_THAT(folder.failure(), HasSubstr("no weights"));
}

TEST(HfCheckpoint, SurvivesEveryDamageToItsConfig) {
  const TinyFolder folder;
  const MemoryLimit limit(64);
  try_every_damage(kConfig, std::string(kConfig).size(), [&](const fs::path& damaged) {
    open_hf(folder.path(), parse_json(read_text_file(damaged), "config.json"))->tensors();
  });
}

}  // namespace
}  // namespace qreason
