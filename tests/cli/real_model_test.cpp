// SmolLM2-135M-Instruct against ../shared/models/real/goldens: transformers 4.57.6, bfloat16 weights, float32
// arithmetic. Runs where the model is in the store (QREASON_STORE, ~/.cache/qreason), as a .gguf file or a Hugging Face
// directory.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "analysis/perplexity.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/model_loader.h"
#include "data/locations.h"
#include "engine/engine.h"
#include "kernels/rows.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> stored_smollm2() {
  const auto store = store_folder();
  if (!store) return std::nullopt;
  for (const char* name : {"smollm2-135m-instruct", "smollm2-135m"}) {
    const fs::path folder = *store / name, file = *store / (std::string(name) + ".gguf");
    if (fs::exists(folder / "config.json")) return folder;
    if (fs::exists(file)) return file;
  }
  return std::nullopt;
}

class RealModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto golden = testing::shared_path("models/real/goldens/smollm2-135m.json");
    if (!golden) GTEST_SKIP() << "test data absent: ../shared/models/real/goldens/smollm2-135m.json";
    const auto path = stored_smollm2();
    if (!path) GTEST_SKIP() << "smollm2-135m-instruct is not in the store";
    golden_ = parse_json(read_text_file(*golden), golden->string());
    model_.emplace(open_model(path->string()));
    // The GGUF's Q4_1 weights, rounded to bfloat16, are those of the goldens; a directory holds them already.
    decoder_.emplace(*model_->checkpoint, Decoder::Options{.type = ComputeType::kBFloat16});
  }

  static std::vector<std::int32_t> ids(const Json& list) { return list.get<std::vector<std::int32_t>>(); }

  Json golden_;
  std::optional<OpenedModel> model_;
  std::optional<Decoder> decoder_;
  Executor executor_{2};
};

TEST_F(RealModel, TopTenLogitsOfEveryPromptAreTransformers) {
  for (const Json& prompt : golden_["logits"]) {
    const std::vector<std::int32_t> tokens = ids(prompt["ids"]);
    SequenceCache cache(PagePool(decoder_->cache_layout()));
    DecoderStep step;
    const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kLast};
    std::vector<float> logits;
    decoder_->forward({&input, 1}, step, logits, executor_);
    const auto top = ids(prompt["top_ids"]);
    // The goldens are within 2.5e-5 of float64 arithmetic, printed to 1e-5; ours must be as good.
    constexpr double kTolerance = 6e-5;
    for (std::size_t i = 0; i < top.size(); ++i) {
      EXPECT_NEAR(logits[static_cast<std::size_t>(top[i])], prompt["top_logits"][i].get<double>(), kTolerance)
          << prompt["text"];
    }
    EXPECT_NEAR(log_sum_exp(logits), prompt["logsumexp"].get<double>(), kTolerance);
    const double tenth = prompt["top_logits"].back().get<double>();
    EXPECT_EQ(std::count_if(logits.begin(), logits.end(), [&](float x) { return x > tenth + kTolerance; }), 9);
  }
}

TEST_F(RealModel, GreedyContinuationsAreTransformersUpToNearTies) {
  for (const Json& prompt : golden_["greedy"]) {
    const std::vector<std::int32_t> want = ids(prompt["new_ids"]);
    const Request request{.prompt = ids(prompt["ids"]),
                          .sampling = {.temperature = 0, .max_tokens = static_cast<std::int64_t>(want.size())},
                          .key = {},
                          .stop_tokens = {}};
    const auto got = generate_all(*decoder_, executor_, {}, {request}).front().tokens;
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (prompt["gaps"][i].get<double>() < 1e-3) break;  // a near-tie: either token is right, the rest may differ
      ASSERT_EQ(got[i], want[i]) << prompt["text"] << ", token " << i;
    }
  }
}

TEST_F(RealModel, PerplexityOfTheFirstWindowOfWikiText2IsTransformers) {
  QREASON_REQUIRE_SHARED(file, "data/wikitext2/ppl_joined.txt");
  const Json& golden = golden_["perplexity"];
  const auto tokens = model_->require_text().tokenizer.encode(read_text_file(file), SpecialTokens::kOmit);
  EXPECT_EQ(tokens.size(), golden["text_tokens"].get<std::size_t>());
  const auto first = ids(golden["first_ids"]);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), tokens.begin()));
  const auto windows = cut_windows(tokens, 2048, 1);
  const PerplexityResult result = perplexity(*decoder_, windows, executor_);
  EXPECT_NEAR(result.mean_nll, golden["mean_nll"][0].get<double>(), 5e-6);
}

}  // namespace
}  // namespace qreason
