// Linear, dynamic and YaRN scaling of rotary frequencies, held against transformers (tests/data/model, made by
// make_rope_scaling_goldens.py): its frequencies, its attention factors and the logits of a tiny Llama.
#include "model/rope_scaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "support/closeness.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;
using testing::project_path;

Json golden() {
  const auto path = project_path("tests/data/model/rope_scaling.json");
  return parse_json(read_text_file(path), path.string());
}

Json config_of(const Json& rope_parameters, std::int64_t head_dim, std::int64_t positions) {
  return {{"model_type", "llama"},
          {"hidden_size", 2 * head_dim},
          {"intermediate_size", 8},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 2},
          {"head_dim", head_dim},
          {"vocab_size", 4},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", positions},
          {"rope_parameters", rope_parameters}};
}

TEST(RopeScaling, GivesTheFrequenciesAndAttentionFactorsOfTransformers) {
  std::size_t count = 0, different = 0;
  for (const Json& row : golden().at("frequencies")) {
    SCOPED_TRACE(row.dump().substr(0, 260));
    const ModelConfig config = parse_model_config(
        config_of(row.at("rope_parameters"), row.at("head_dim"), row.at("max_position_embeddings")), "golden");
    const std::int64_t length = row.at("length").is_null() ? 0 : row.at("length").get<std::int64_t>();
    const std::vector<float> got = rope_inverse_frequencies(config, length);
    const auto want = row.at("inverse_frequencies").get<std::vector<float>>();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      // Two float32 pow functions differ in the last bit here and there; a base that came from one is off by it in
      // every pair, raised to less than its first power.
      EXPECT_NEAR(got[i] / want[i], 1, 4e-7) << i;
      different += got[i] != want[i] && row.at("length").is_null();
    }
    count += got.size();
    EXPECT_NEAR(rope_attention_factor(config), row.at("attention_factor").get<double>(), 1e-15);
  }
  EXPECT_LE(different, count / 50);
}

// A tiny Llama of the goldens as a folder.
class GoldenModel {
 public:
  explicit GoldenModel(const Json& config) : file_(project_path("tests/data/model/rope_scaling.safetensors")) {
    write_file_atomic(folder_.path() / "config.json", config.dump());
    std::vector<SafetensorsTensor> tensors;
    std::vector<MappedBytes> maps;
    for (const auto& [name, entry] : file_.entries()) {
      if (!name.starts_with("weights.")) continue;
      maps.push_back(file_.bytes(name));
      tensors.push_back({name.substr(8), entry.type, entry.shape, maps.back().bytes()});
    }
    write_safetensors(folder_.path() / "model.safetensors", tensors);
    checkpoint_ = open_checkpoint(folder_.path());
  }

  const WeightSource& source() const { return *checkpoint_; }
  std::vector<std::int32_t> tokens() const { return file_.read_i32("tokens"); }
  std::vector<float> logits(const std::string& name) const { return file_.read_f32(name); }

 private:
  testing::ScratchFolder folder_;
  SafetensorsFile file_;
  std::unique_ptr<Checkpoint> checkpoint_;
};

// Logits of all rows, the tokens fed in steps of the given sizes.
std::vector<float> logits_in_steps(Decoder& decoder, std::span<const std::int32_t> tokens,
                                   const std::vector<std::int64_t>& steps, std::int64_t prompt) {
  Executor executor(2);
  PagePool pages(decoder.cache_layout());
  SequenceCache cache(pages);
  DecoderStep state;
  std::vector<float> all, logits;
  for (const std::int64_t step : steps) {
    const DecoderInput input{
        .tokens = tokens.subspan(static_cast<std::size_t>(cache.length()), static_cast<std::size_t>(step)),
        .cache = &cache,
        .logits = DecoderInput::Logits::kAll,
        .prompt = prompt};
    decoder.forward({&input, 1}, state, logits, executor);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

std::vector<std::int64_t> first_then_ones(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> steps{first};
  steps.insert(steps.end(), static_cast<std::size_t>(count - first), 1);
  return steps;
}

TEST(RopeScaling, GivesTheLogitsOfTransformers) {
  for (const Json& row : golden().at("models")) {
    const auto name = row.at("logits").get<std::string>();
    SCOPED_TRACE(name);
    const GoldenModel model(row.at("config"));
    const std::vector<std::int32_t> tokens = model.tokens();
    const auto count = static_cast<std::int64_t>(tokens.size());
    Decoder decoder(model.source(), {});
    const std::vector<float> want = model.logits(name);
    const std::int64_t first = row.at("first").get<std::int64_t>();
    const std::vector<float> got = logits_in_steps(decoder, tokens, first_then_ones(first, count), first);
    EXPECT_TRUE(testing::all_close(got, want, {.absolute = 2e-5}));
    // The same bits however the prompt is cut.
    std::vector<std::int64_t> pieces{3, first - 3};
    const std::vector<std::int64_t> ones(static_cast<std::size_t>(count - first), 1);
    pieces.insert(pieces.end(), ones.begin(), ones.end());
    EXPECT_TRUE(testing::bits_equal(logits_in_steps(decoder, tokens, pieces, first), got));
    // Computed again after it was put off: prompt and answer in one step.
    EXPECT_TRUE(testing::bits_equal(logits_in_steps(decoder, tokens, {count}, first), got));
  }
}

TEST(RopeScaling, DoesNotLetSequencesOfABatchTouchEachOther) {
  const Json row = golden().at("models")[1];
  ASSERT_EQ(row.at("logits"), "logits.dynamic.24");
  const GoldenModel model(row.at("config"));
  const std::vector<std::int32_t> tokens = model.tokens();
  Decoder decoder(model.source(), {});
  Executor executor(2);
  const std::span<const std::int32_t> all(tokens);
  const auto alone = [&](std::size_t length) {
    return logits_in_steps(decoder, all.first(length), {static_cast<std::int64_t>(length)}, 0);
  };
  PagePool pages(decoder.cache_layout());
  SequenceCache a(pages), b(pages), c(pages);
  DecoderStep state;
  const auto input = [&](std::size_t length, SequenceCache& cache) {
    return DecoderInput{.tokens = all.first(length), .cache = &cache, .logits = DecoderInput::Logits::kAll};
  };
  const std::vector<DecoderInput> inputs{input(18, a), input(24, b), input(5, c)};
  std::vector<float> together, want;
  decoder.forward(inputs, state, together, executor);
  for (const std::size_t length : {18, 24, 5}) {
    const std::vector<float> rows = alone(length);
    want.insert(want.end(), rows.begin(), rows.end());
  }
  EXPECT_TRUE(testing::bits_equal(together, want));
}

std::string failure_of(const Json& rope_parameters, std::int64_t positions = 64) {
  try {
    parse_model_config(config_of(rope_parameters, 16, positions), "config.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RopeScaling, ComesBackFromItsJson) {
  const Json yarn{{"rope_type", "yarn"}, {"factor", 4.0},          {"original_max_position_embeddings", 32},
                  {"beta_fast", 20.0},   {"beta_slow", 2.0},       {"attention_factor", 1.5},
                  {"mscale", 0.5},       {"mscale_all_dim", 0.25}, {"truncate", false},
                  {"rope_theta", 1e4}};
  for (const Json& rope : {Json{{"rope_type", "linear"}, {"factor", 2.5}, {"rope_theta", 1e4}},
                           Json{{"rope_type", "dynamic"}, {"factor", 3.0}, {"rope_theta", 1e4}}, yarn}) {
    const ModelConfig config = parse_model_config(config_of(rope, 16, 64), "first");
    const ModelConfig again = parse_model_config(parse_json(to_hf_json(config).dump(), "again"), "again");
    EXPECT_EQ(again.rope_scaling, config.rope_scaling) << rope;
    EXPECT_EQ(again.max_positions, config.max_positions) << rope;
  }
}

TEST(RopeScaling, StretchesThePositionsOfTheModel) {
  const auto positions = [](const Json& rope) {
    return parse_model_config(config_of(rope, 16, 64), "c").max_positions;
  };
  EXPECT_EQ(positions({{"rope_type", "default"}, {"rope_theta", 1e4}}), 64);
  EXPECT_EQ(positions({{"type", "linear"}, {"factor", 4.0}}), 256);
  EXPECT_EQ(positions({{"type", "dynamic"}, {"factor", 2.5}}), 160);
  EXPECT_EQ(positions({{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 16}}), 64)
      << "stretched already";
  EXPECT_EQ(positions({{"type", "yarn"}, {"factor", 4.0}}), 256);
}

TEST(RopeScaling, NamesWhatItWouldHaveToIgnore) {
  EXPECT_THAT(failure_of({{"rope_type", "linear"}}), HasSubstr("factor"));
  EXPECT_THAT(failure_of({{"rope_type", "linear"}, {"factor", 0.5}}), HasSubstr("\"factor\" is 0.5"));
  EXPECT_THAT(failure_of({{"rope_type", "dynamic"}, {"factor", "2"}}), HasSubstr("factor"));
  EXPECT_THAT(failure_of({{"rope_type", "dynamic"}, {"factor", 2.0}, {"original_max_position_embeddings", 32}}),
              HasSubstr("original_max_position_embeddings"));
  EXPECT_THAT(failure_of({{"rope_type", "linear"}, {"factor", 2.0}, {"attention_factor", 1.2}}),
              HasSubstr("attention_factor"));
  EXPECT_THAT(failure_of({{"rope_type", "yarn"}, {"factor", 2.0}, {"low_freq_factor", 1.0}}),
              HasSubstr("low_freq_factor"));
  EXPECT_THAT(failure_of({{"rope_type", "yarn"}, {"factor", 2.0}, {"beta_fast", 1.0}, {"beta_slow", 8.0}}),
              HasSubstr("beta_fast"));
  EXPECT_THAT(failure_of({{"rope_type", "yarn"}, {"factor", 2.0}, {"rope_theta", 1.0}}), HasSubstr("rope_theta"));
  EXPECT_THAT(failure_of({{"rope_type", "yarn"}, {"factor", 2.0}, {"partial_rotary_factor", 0.5}}),
              HasSubstr("partial_rotary_factor"));
}

}  // namespace
}  // namespace qreason
