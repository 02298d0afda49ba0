// Every architecture against transformers: tests/data/make_architecture_goldens.py writes tiny random models with its
// own save_pretrained and their logits in float64.
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "model/reference_block.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/random_model.h"
#include "support/safetensors_reader.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

const fs::path kFolder = testing::project_path("tests/data/model/architectures");

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// All logits of the tokens, `step` of them at a time.
std::vector<float> logits_of(const WeightSource& model, std::span<const std::int32_t> tokens, std::size_t step,
                             int threads = 2) {
  Executor executor(threads);
  const Decoder decoder(model, {.type = ComputeType::kFloat32});
  SequenceCache cache(PagePool(decoder.cache_layout()));
  DecoderStep scratch;
  std::vector<float> all, some;
  for (std::size_t first = 0; first < tokens.size(); first += step) {
    const DecoderInput input{.tokens = tokens.subspan(first, std::min(step, tokens.size() - first)),
                             .cache = &cache,
                             .logits = DecoderInput::Logits::kAll};
    decoder.forward({&input, 1}, scratch, some, executor);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

double deviation(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST(ArchitectureGoldens, AreOfEveryArchitecture) {
  std::set<Architecture> found;
  for (const std::string& name : golden_names()) {
    found.insert(open_checkpoint(kFolder / name)->config().architecture);
  }
  EXPECT_EQ(found.size(), kArchitectures.size());
}

class ArchitectureGoldens : public ::testing::TestWithParam<std::string> {
 protected:
  const std::unique_ptr<Checkpoint> model_ = open_checkpoint(kFolder / GetParam());
  testing::SafetensorsReader golden_{kFolder / GetParam() / "golden.safetensors"};
  const std::vector<std::int32_t> tokens_ = golden_.read("tokens").as<std::int32_t>();
  const std::vector<double> want_ = golden_.read("logits").as<double>();
};

// What differs are the rotary angles alone, float32 numbers of two libraries.
TEST_P(ArchitectureGoldens, AreWhatTheReferenceBlockComputes) {
  const at::Tensor tokens =
      at::tensor(std::vector<std::int64_t>(tokens_.begin(), tokens_.end()), at::kLong).unsqueeze(0);
  const at::Tensor got = reference_logits(*model_, tokens, {}).contiguous();
  EXPECT_TRUE(
      testing::all_close(std::vector<double>(got.const_data_ptr<double>(), got.const_data_ptr<double>() + got.numel()),
                         want_, {.absolute = 2e-6 * deviation(want_)}));
}

TEST_P(ArchitectureGoldens, AreWhatTheDecoderComputesInOneStepAndTokenByToken) {
  const std::vector<float> got = logits_of(*model_, tokens_, tokens_.size());
  EXPECT_TRUE(
      testing::all_close(std::vector<double>(got.begin(), got.end()), want_, {.absolute = 2e-5 * deviation(want_)}));
  EXPECT_TRUE(testing::bits_equal(logits_of(*model_, tokens_, 1), got));
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureGoldens, ::testing::ValuesIn(golden_names()), [](const auto& item) {
  std::string name = item.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// Windows over many pages and more than one chunk of the attention: the same bits whatever is computed together.
TEST(SlidingWindow, GivesTheSameBitsInOneStepAndTokenByToken) {
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.max_positions = 1024;
  for (const std::int64_t size : {1, 40, 300}) {
    config.sliding_window = SlidingWindow{.size = size, .layers = {true, false, true}};
    const testing::RandomModel model(config, 8);
    const auto tokens = testing::random_tokens(600, config.vocab_size, 3);
    const std::vector<float> whole = logits_of(model, tokens, tokens.size());
    EXPECT_TRUE(testing::bits_equal(logits_of(model, tokens, 1, 3), whole)) << size;
    EXPECT_TRUE(testing::bits_equal(logits_of(model, tokens, 37), whole)) << size;
  }
}

// A token that no window reaches changes nothing, and one that it reaches does: here three blocks of 5.
TEST(SlidingWindow, ForgetsWhatLiesBeforeIt) {
  const testing::RandomModel model(testing::small_config(Architecture::kMistral), 8);
  const auto width = static_cast<std::ptrdiff_t>(model.config().vocab_size);
  auto tokens = testing::random_tokens(30, width, 3);
  const std::vector<float> before = logits_of(model, tokens, 30);
  tokens[2] = (tokens[2] + 1) % 101;
  const std::vector<float> after = logits_of(model, tokens, 30);
  const auto same = [&](std::ptrdiff_t row) {
    return std::equal(before.begin() + row * width, before.begin() + (row + 1) * width, after.begin() + row * width);
  };
  for (std::ptrdiff_t row = 0; row < 30; ++row) {
    EXPECT_EQ(same(row), row < 2 || row > 2 + 3 * 4) << row;
  }
}

}  // namespace
}  // namespace qreason
