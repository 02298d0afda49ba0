// config.json of the studied models and of both generations of transformers; every refused field is named.
#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using testing::project_path;

Json small_llama() {
  return parse_json(R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
    "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 100, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
    "hidden_act": "silu", "tie_word_embeddings": false, "torch_dtype": "bfloat16"})",
                    "small");
}

Json small_of(const std::string& name, const std::string& type) {
  Json json = small_llama();
  json["architectures"] = {name + "ForCausalLM"};
  json["model_type"] = type;
  return json;
}

Json small_qwen() {
  return small_of("Qwen2", "qwen2");
}

ModelConfig parse(const Json& json) {
  return parse_model_config(json, "config.json");
}

// The message of the Error that the change of one field gives.
std::string failure_of(Json json, const std::string& key, const Json& value) {
  json[key] = value;
  try {
    parse(json);
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

struct StudiedModel {
  const char* name;
  Architecture architecture;
  std::int64_t hidden, intermediate, layers, heads, kv_heads, vocabulary;
  double theta, epsilon;
  std::int64_t eos;
  std::int64_t parameters;  // as the model cards and model_configs.md count them
};

// The table of model_configs.md, which is put together from the published configs.
constexpr StudiedModel kStudied[] = {
    {"DeepSeek-R1-Distill-Qwen-1.5B", Architecture::kQwen2, 1536, 8960, 28, 12, 2, 151936, 1e4, 1e-6, 151643,
     1777088000},
    {"DeepSeek-R1-Distill-Qwen-7B", Architecture::kQwen2, 3584, 18944, 28, 28, 4, 152064, 1e4, 1e-6, 151643,
     7615616512},
    {"DeepSeek-R1-Distill-Qwen-14B", Architecture::kQwen2, 5120, 13824, 48, 40, 8, 152064, 1e6, 1e-5, 151643,
     14770033664},
    {"DeepSeek-R1-Distill-Qwen-32B", Architecture::kQwen2, 5120, 27648, 64, 40, 8, 152064, 1e6, 1e-5, 151643,
     32763876352},
    {"QwQ-32B", Architecture::kQwen2, 5120, 27648, 64, 40, 8, 152064, 1e6, 1e-5, 151645, 32763876352},
    {"DeepSeek-R1-Distill-Llama-8B", Architecture::kLlama, 4096, 14336, 32, 32, 8, 128256, 5e5, 1e-5, 128001,
     8030261248},
    {"DeepSeek-R1-Distill-Llama-70B", Architecture::kLlama, 8192, 28672, 80, 64, 8, 128256, 5e5, 1e-5, 128001,
     70553706496},
};

TEST(ModelConfig, ReadsTheSevenStudiedModels) {
  QREASON_REQUIRE_SHARED(folder, "models/configs");
  for (const StudiedModel& model : kStudied) {
    SCOPED_TRACE(model.name);
    const auto path = folder / (std::string(model.name) + ".config.json");
    const ModelConfig config = parse(parse_json(read_text_file(path), path.string()));
    const bool llama = model.architecture == Architecture::kLlama;
    EXPECT_EQ(config.architecture, model.architecture);
    EXPECT_EQ(config.hidden_size, model.hidden);
    EXPECT_EQ(config.intermediate_size, model.intermediate);
    EXPECT_EQ(config.layers, model.layers);
    EXPECT_EQ(config.heads, model.heads);
    EXPECT_EQ(config.kv_heads, model.kv_heads);
    EXPECT_EQ(config.head_dim, 128);
    EXPECT_EQ(config.vocab_size, model.vocabulary);
    EXPECT_EQ(config.max_positions, 131072);
    EXPECT_EQ(config.rope_theta, model.theta);
    EXPECT_EQ(config.rms_norm_epsilon, model.epsilon);
    EXPECT_EQ(config.qkv_bias, !llama);
    EXPECT_FALSE(config.output_bias || config.mlp_bias || config.tied_embeddings);
    EXPECT_EQ(config.stored_type, StoredType::kBFloat16);
    EXPECT_EQ(config.bos_token, llama ? 128000 : 151643);
    EXPECT_EQ(config.eos_tokens.front(), model.eos);
    EXPECT_EQ(config.rope_scaling.has_value(), llama);
    if (llama) {
      EXPECT_EQ(config.rope_scaling, RopeScaling(Llama3RopeScaling{8, 1, 4, 8192}));
    }
    EXPECT_EQ(parameter_count(config), model.parameters);
  }
}

TEST(ModelConfig, ReadsAListOfEndTokens) {
  QREASON_REQUIRE_SHARED(path, "models/configs/DeepSeek-R1-Distill-Llama-70B.config.json");
  EXPECT_EQ(parse(parse_json(read_text_file(path), "70B")).eos_tokens,
            (std::vector<std::int64_t>{128001, 128008, 128009}));
}

TEST(ModelConfig, GivesTheSameModelForTheOldAndTheNewKeys) {
  // The same llama-tiny, written by transformers 4 and, in the GPTQModel and AWQ folders, by transformers 5.
  QREASON_REQUIRE_SHARED(folder, "oracle");
  const auto read = [&](const char* name) {
    const auto path = folder / name / "config.json";
    return parse(parse_json(read_text_file(path), path.string()));
  };
  const ModelConfig old_keys = read("llama-tiny");
  const ModelConfig new_keys = read("checkpoints/gptq-w4g128-sym");
  EXPECT_EQ(old_keys.rope_scaling, RopeScaling(Llama3RopeScaling{8, 1, 4, 64}));
  EXPECT_EQ(new_keys.rope_scaling, old_keys.rope_scaling);
  EXPECT_EQ(new_keys.rope_theta, 500000);
  EXPECT_EQ(new_keys.head_dim, 32);
  EXPECT_EQ(old_keys.stored_type, StoredType::kFloat32);
  EXPECT_NE(new_keys.stored_type, StoredType::kFloat32);
}

TEST(ModelConfig, ReadsEveryConfigOfTheOracle) {
  QREASON_REQUIRE_SHARED(folder, "oracle/checkpoints");
  int count = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder)) {
    const auto path = item.path() / "config.json";
    if (!std::filesystem::exists(path)) continue;
    SCOPED_TRACE(path.string());
    const ModelConfig config = parse(parse_json(read_text_file(path), path.string()));
    EXPECT_EQ(config.layers, 2);
    EXPECT_EQ(config.vocab_size, 256);
    EXPECT_EQ(config.rope_theta, config.architecture == Architecture::kLlama ? 500000 : 10000);
    EXPECT_EQ(config.rope_scaling.has_value(), config.architecture == Architecture::kLlama);
    ++count;
  }
  EXPECT_GE(count, 29);
}

TEST(ModelConfig, WritesWhatItReads) {
  QREASON_REQUIRE_SHARED(folder, "models/configs");
  for (const StudiedModel& model : kStudied) {
    SCOPED_TRACE(model.name);
    const auto path = folder / (std::string(model.name) + ".config.json");
    const Json original = parse_json(read_text_file(path), path.string());
    const Json written = parse_json(to_hf_json(parse(original)).dump(), "written");
    // Every field that the decoder uses comes back as it was; the rest has no meaning for it.
    for (const char* key :
         {"architectures", "model_type", "bos_token_id", "eos_token_id", "hidden_act", "hidden_size",
          "intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers",
          "num_key_value_heads", "rms_norm_eps", "rope_theta", "tie_word_embeddings", "torch_dtype", "vocab_size"}) {
      EXPECT_EQ(written.at(key), original.at(key)) << key;
    }
    EXPECT_EQ(written.value("rope_scaling", Json()), original.value("rope_scaling", Json()));
    EXPECT_EQ(written.at("head_dim"), 128);
  }
}

TEST(ModelConfig, KeepsRotaryDivisorsThroughItsJson) {
  ModelConfig config = parse(small_llama());
  config.rope_frequency_divisors = {1, 1.5f, 0.1f, 8, 1, 1, 1, 3.3333333f};
  const ModelConfig again = parse(parse_json(to_hf_json(config).dump(), "written"));
  EXPECT_EQ(again.rope_frequency_divisors, config.rope_frequency_divisors);
}

TEST(ModelConfig, TakesTheDefaultsOfTheTransformersClasses) {
  Json json = small_llama();
  for (const char* key : {"num_key_value_heads", "rope_theta", "hidden_act", "tie_word_embeddings", "torch_dtype",
                          "rms_norm_eps", "architectures"}) {
    json.erase(key);
  }
  const ModelConfig config = parse(json);
  EXPECT_EQ(config.kv_heads, 4);
  EXPECT_EQ(config.head_dim, 16);
  EXPECT_EQ(config.rope_theta, 10000);
  EXPECT_EQ(config.rms_norm_epsilon, 1e-6);
  EXPECT_FALSE(config.tied_embeddings);
  EXPECT_EQ(config.stored_type, StoredType::kFloat32);
}

TEST(ModelConfig, TakesAHeadSizeOfItsOwn) {
  Json json = small_llama();
  json["head_dim"] = 24;
  EXPECT_EQ(parse(json).head_dim, 24);
}

TEST(ModelConfig, GivesLlamaTheBiasesThatItsConfigNames) {
  Json json = small_llama();
  json["attention_bias"] = true;
  json["mlp_bias"] = true;
  const ModelConfig config = parse(json);
  EXPECT_TRUE(config.qkv_bias && config.output_bias && config.mlp_bias);
  // 2 layers: q 4*16, k and v 2*16 each, o 64; gate and up 96 each, down 64.
  EXPECT_EQ(parameter_count(config) - parameter_count(parse(small_llama())), 2 * (64 + 64 + 64 + 192 + 64));
}

TEST(ModelConfig, NamesEveryFieldThatItDoesNotImplement) {
  const auto refused = [](const char* key, const Json& value, Json base = small_llama()) {
    EXPECT_THAT(failure_of(std::move(base), key, value), HasSubstr(key));
  };
  refused("hidden_act", "gelu");
  refused("use_sliding_window", true);
  refused("sliding_window", 4096);
  refused("layer_types", Json{"full_attention", "sliding_attention"});
  refused("layer_types", Json{"full_attention", "sliding_attention"}, small_qwen());
  refused("layer_types", Json{"full_attention"}, small_qwen());
  refused("layer_types", Json{"full_attention", "chunked_attention"}, small_qwen());
  refused("layer_types", Json{"sliding_attention", "full_attention"}, small_of("Mistral", "mistral"));
  refused("use_sliding_window", true, small_of("Mistral", "mistral"));
  refused("attention_bias", true, small_of("Mistral", "mistral"));
  refused("mlp_bias", true, small_of("Qwen3", "qwen3"));
  refused("use_mrope", true, small_qwen());
  refused("num_experts", 8);
  refused("num_local_experts", 8);
  refused("attention_multiplier", 0.5);
  refused("logits_scaling", 8.0);
  refused("embedding_multiplier", 12.0);
  refused("final_logit_softcapping", 30.0);
  refused("partial_rotary_factor", 0.5);
  refused("clip_qkv", 8.0);
  refused("pruned_heads", {{"0", {1}}});
  refused("rope_ratio", 2.0);
  refused("mrope_section", {16, 24, 24});
  refused("qk_layernorm", true);
  refused("attention_bias", false, small_qwen());
  refused("mlp_bias", true, small_qwen());
  refused("torch_dtype", "float64");
  EXPECT_THAT(failure_of(small_llama(), "architectures", {"GemmaForCausalLM"}), HasSubstr("GemmaForCausalLM"));
  EXPECT_THAT(failure_of(small_llama(), "architectures", {"MistralForCausalLM"}), HasSubstr("MistralForCausalLM"));
  EXPECT_THAT(failure_of(small_llama(), "model_type", "mistral"), HasSubstr("mistral"));
  EXPECT_THAT(failure_of(small_llama(), "model_type", "qwen2"), HasSubstr("qwen2"));
  for (const char* type : {"longrope", "mrope", "su", "axial"}) {
    const Json old_form{{"type", type}, {"factor", 4.0}}, new_form{{"rope_type", type}, {"rope_theta", 1e4}};
    EXPECT_THAT(failure_of(small_llama(), "rope_scaling", old_form), HasSubstr(type));
    EXPECT_THAT(failure_of(small_llama(), "rope_parameters", new_form), HasSubstr(type));
  }
}

TEST(ModelConfig, CallsAMixtureOfExpertsWhatItIs) {
  for (const auto& [name, type] : {std::pair("Qwen3Moe", "qwen3_moe"), std::pair("Mixtral", "mixtral"),
                                   std::pair("Qwen2Moe", "qwen2_moe"), std::pair("PhiMoE", "phimoe")}) {
    const std::string failure = failure_of(small_of(name, type), "num_experts", 8);
    EXPECT_THAT(failure, HasSubstr(name));
    EXPECT_THAT(failure, HasSubstr("a mixture of experts"));
  }
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts"}) {
    EXPECT_THAT(failure_of(small_llama(), key, 8), HasSubstr("a mixture of experts"));
    EXPECT_EQ(failure_of(small_llama(), key, 1), "no error");
  }
}

// The published config.json of Qwen/Qwen3-8B, whose 8190735360 parameters the class counts.
TEST(ModelConfig, ReadsQwen3) {
  const Json json = parse_json(R"({"architectures": ["Qwen3ForCausalLM"], "attention_bias": false,
    "attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu",
    "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 12288, "max_position_embeddings": 40960,
    "max_window_layers": 36, "model_type": "qwen3", "num_attention_heads": 32, "num_hidden_layers": 36,
    "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000,
    "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "transformers_version": "4.51.0", "use_cache": true, "use_sliding_window": false, "vocab_size": 151936})",
                               "Qwen3-8B");
  const ModelConfig config = parse(json);
  EXPECT_EQ(config.architecture, Architecture::kQwen3);
  EXPECT_TRUE(config.query_key_norm);
  EXPECT_FALSE(config.qkv_bias || config.output_bias || config.mlp_bias || config.sliding_window);
  EXPECT_EQ(parameter_count(config), 8190735360);
  EXPECT_EQ(block_norms(config).size(), 4u);
  EXPECT_EQ(norm_width(config, BlockNorm::kKey), 128);
  EXPECT_EQ(norm_width(config, BlockNorm::kPost), 4096);
  Json biased = json;
  biased["attention_bias"] = true;
  biased.erase("head_dim");  // 128 of its own, whatever the other sizes are
  biased["hidden_size"] = 1024;
  EXPECT_TRUE(parse(biased).qkv_bias && parse(biased).output_bias);
  EXPECT_EQ(parse(biased).head_dim, 128);
}

std::vector<std::int64_t> windows_of(const ModelConfig& config) {
  std::vector<std::int64_t> windows;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) windows.push_back(attention_window(config, layer));
  return windows;
}

// As configuration_qwen2.py and configuration_mistral.py of transformers read them.
TEST(ModelConfig, ReadsSlidingWindowsAsTheClassesDo) {
  using Windows = std::vector<std::int64_t>;
  const auto windows = [](Json json, const Json& fields) {
    json.update(fields);
    const ModelConfig config = parse(json);
    const ModelConfig again = parse(parse_json(to_hf_json(config).dump(), "written"));
    EXPECT_EQ(again.sliding_window, config.sliding_window) << fields;
    return windows_of(config);
  };
  const Json mistral = small_of("Mistral", "mistral");
  EXPECT_EQ(windows(mistral, Json::object()), (Windows{4096, 4096}));
  EXPECT_EQ(windows(mistral, {{"sliding_window", 7}}), (Windows{7, 7}));
  EXPECT_EQ(windows(mistral, {{"sliding_window", nullptr}}), (Windows{0, 0}));
  for (const Json& qwen : {small_qwen(), small_of("Qwen3", "qwen3")}) {
    EXPECT_EQ(windows(qwen, {{"sliding_window", 7}}), (Windows{0, 0}));
    EXPECT_EQ(windows(qwen, {{"sliding_window", 7}, {"use_sliding_window", true}}), (Windows{0, 0}));
    const Json used{{"use_sliding_window", true}, {"sliding_window", 7}};
    const auto with = [&](const char* key, const Json& value) {
      Json fields = used;
      fields[key] = value;
      return windows(qwen, fields);
    };
    EXPECT_EQ(with("max_window_layers", 1), (Windows{0, 7}));
    EXPECT_EQ(with("max_window_layers", 0), (Windows{7, 7}));
    EXPECT_EQ(with("layer_types", {"sliding_attention", "full_attention"}), (Windows{7, 0}));
    EXPECT_EQ(with("sliding_window", nullptr), (Windows{0, 0}));
  }
  EXPECT_THAT(failure_of(mistral, "sliding_window", 0), HasSubstr("sliding_window"));
  EXPECT_THAT(failure_of(mistral, "sliding_window", -1), HasSubstr("sliding_window"));
  ModelConfig llama = parse(small_llama());
  llama.sliding_window = SlidingWindow{.size = 7, .layers = {}};
  EXPECT_THROW(to_hf_json(llama), Error);
}

TEST(ModelConfig, WritesEveryArchitectureAsItReadsIt) {
  for (const Architecture architecture : kArchitectures) {
    const ArchitectureFacts& facts = facts_of(architecture);
    Json json = small_llama();
    json["architectures"] = {facts.class_name};
    json["model_type"] = facts.model_type;
    const ModelConfig config = parse(json), again = parse(parse_json(to_hf_json(config).dump(), "written"));
    EXPECT_EQ(again.architecture, architecture);
    EXPECT_EQ(again.query_key_norm, architecture == Architecture::kQwen3);
    EXPECT_EQ(again.qkv_bias, architecture == Architecture::kQwen2);
    EXPECT_EQ(parameter_count(again), parameter_count(config));
  }
}

TEST(ModelConfig, NamesFieldsThatContradictEachOther) {
  EXPECT_THAT(failure_of(small_llama(), "num_attention_heads", 3), HasSubstr("num_attention_heads"));
  EXPECT_THAT(failure_of(small_llama(), "hidden_size", 66), HasSubstr("hidden_size"));
  EXPECT_THAT(failure_of(small_llama(), "num_key_value_heads", 3), HasSubstr("num_key_value_heads"));
  EXPECT_THAT(failure_of(small_llama(), "head_dim", 15), HasSubstr("head_dim"));
  EXPECT_THAT(failure_of(small_llama(), "rope_parameters", {{"rope_type", "default"}, {"rope_theta", 5e5}}),
              HasSubstr("rope_theta"));
  const Json backwards{{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 4.0},
                       {"high_freq_factor", 1.0},
                       {"original_max_position_embeddings", 64}};
  EXPECT_THAT(failure_of(small_llama(), "rope_scaling", backwards), HasSubstr("low_freq_factor"));
}

TEST(ModelConfig, NamesSizesThatAreAbsurd) {
  const Json huge = std::uint64_t{1} << 63;
  for (const char* key : {"hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                          "num_key_value_heads", "vocab_size", "max_position_embeddings", "head_dim"}) {
    for (const Json& value :
         {Json(0), Json(-1), Json(INT64_MAX), huge, Json(1.5), Json("64"), Json(true), Json::array()}) {
      EXPECT_THAT(failure_of(small_llama(), key, value), HasSubstr(key)) << value;
    }
  }
  for (const char* key : {"rms_norm_eps", "rope_theta"}) {
    for (const Json& value : {Json(-1), Json(1e300), Json("x")}) {
      EXPECT_THAT(failure_of(small_llama(), key, value), HasSubstr(key)) << value;
    }
  }
  for (const char* key : {"eos_token_id", "bos_token_id"}) {
    for (const Json& value : {Json(-1), Json("x"), huge, Json::array({1.5})}) {
      EXPECT_THAT(failure_of(small_llama(), key, value), HasSubstr(key)) << value;
    }
  }
  EXPECT_THROW(parse(Json::array()), Error);
}

TEST(ModelConfig, ComputesTheFrequenciesOfTransformers) {
  // tests/data/make_rope_goldens.py: transformers' own float32 numbers. Two float32 pow functions differ in the last
  // bit of one number in a hundred.
  const auto path = project_path("tests/data/model/rope_frequencies.json");
  const Json golden = parse_json(read_text_file(path), path.string());
  std::size_t count = 0, different = 0;
  for (const Json& row : golden) {
    ModelConfig config;
    config.head_dim = row.at("head_dim").get<std::int64_t>();
    config.rope_theta = row.at("theta").get<double>();
    if (!row.at("llama3").is_null()) {
      const auto factors = row.at("llama3").get<std::vector<double>>();
      config.rope_scaling =
          Llama3RopeScaling{factors[0], factors[1], factors[2], static_cast<std::int64_t>(factors[3])};
    }
    SCOPED_TRACE(row.dump().substr(0, 80));
    const std::vector<float> got = rope_inverse_frequencies(config);
    const auto want = row.at("inverse_frequencies").get<std::vector<float>>();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i] / want[i], 1, 2.5e-7) << i;
      different += got[i] != want[i];
    }
    count += got.size();
  }
  EXPECT_LE(different, count / 50);
}

TEST(ModelConfig, DividesFrequenciesByTheDivisorsOfAGguf) {
  ModelConfig config;
  config.head_dim = 4;
  config.rope_theta = 10000;
  config.rope_frequency_divisors = {2, 8};
  // 10000^0 / 2 and 10000^(-2/4) / 8
  const std::vector<float> got = rope_inverse_frequencies(config);
  EXPECT_FLOAT_EQ(got[0], 0.5f);
  EXPECT_FLOAT_EQ(got[1], 0.01f / 8);
}

}  // namespace
}  // namespace qreason
