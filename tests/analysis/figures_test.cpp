// The figures' numbers against transformers and numpy (tests/data/make_figure_goldens.py).
#include "analysis/figures/figure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "analysis/figures/magnitude_ranks.h"
#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "support/golden_json.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Golden = nlohmann::json;

std::unique_ptr<Checkpoint> open(const std::string& name) {
  return open_checkpoint(testing::project_path("tests/data/model/architectures/" + name));
}

FigureRequest request_of(const Golden& golden, const WeightSource& source, Executor& executor) {
  FigureRequest request{.source = source, .model = "m", .texts = {}, .options = {}, .walk = {}, .executor = executor};
  for (const Golden& ids : golden["token_ids"])
    request.texts.push_back({.name = "text " + std::to_string(request.texts.size()), .tokens = ids});
  FigureOptions& options = request.options;
  options.tokens = golden.value("tokens", std::int64_t{1000});
  options.window = golden.value("window", options.window);
  options.shown = golden.value("shown", options.tokens);
  options.range = golden.value("range", options.range);
  options.sample = 8;
  options.seed = 4;
  if (golden.value("statistic", "mean") == "maximum") options.statistic = ChannelStatistic::kMaximum;
  return request;
}

bool same_place(const OrderedJson& got, const Golden& wanted) {
  for (const char* key : {"block", "site", "stage", "drawn"})
    if (got.contains(key) != wanted.contains(key) || (got.contains(key) && Golden(got[key]) != wanted[key]))
      return false;
  return true;
}

// The numbers of a panel, by rows.
Golden numbers_of(const OrderedJson& panel) {
  if (panel["drawn"] != "curves") return panel["values"];
  Golden rows = Golden::array();
  for (const OrderedJson& curve : panel["curves"]) rows.push_back(Golden(curve["values"]));
  return rows;
}

void expect_close(const Golden& got, const Golden& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  double largest = 0, difference = 0;
  for (std::size_t r = 0; r < wanted.size(); ++r) {
    ASSERT_EQ(got[r].size(), wanted[r].size());
    for (std::size_t c = 0; c < wanted[r].size(); ++c) {
      largest = std::max(largest, std::abs(wanted[r][c].get<double>()));
      difference = std::max(difference, std::abs(wanted[r][c].get<double>() - got[r][c].get<double>()));
    }
  }
  EXPECT_LE(difference, 2e-6 * largest);
}

class Figures : public ::testing::TestWithParam<int> {};

void expect_panels(const OrderedJson& figure, const Golden& golden) {
  for (const Golden& wanted : golden["panels"]) {
    int found = 0;
    for (const OrderedJson& panel : figure["panels"]) {
      if (!same_place(panel, wanted)) continue;
      SCOPED_TRACE(panel["title"]);
      ++found;
      expect_close(numbers_of(panel), wanted["values"]);
    }
    EXPECT_EQ(found, 1) << wanted.value("drawn", "");
  }
}

// On the kernels, and in tensors as on a device.
TEST_P(Figures, AreWhatTransformersComputes) {
  const Golden all = testing::golden_json("analysis/figures.json");
  const Golden& golden = all.at(static_cast<std::size_t>(GetParam()));
  const auto model = open(golden["model"]);
  Executor executor(1);
  const FigureKind* kind = find_figure(golden["figure"].get<std::string>());
  ASSERT_NE(kind, nullptr);
  for (const auto& device : {std::optional<at::Device>(), std::optional<at::Device>(at::kCPU)}) {
    FigureRequest request = request_of(golden, *model, executor);
    request.walk.device = device;
    const OrderedJson figure = figure_json(kind->compute(request));
    expect_panels(figure, golden);
    if (!golden.contains("texts")) continue;
    for (std::size_t t = 0; t < golden["texts"].size(); ++t)
      EXPECT_EQ(Golden(figure["texts"][t]["sampled"]), golden["texts"][t]["sampled"]);
  }
}
INSTANTIATE_TEST_SUITE_P(Golden, Figures, ::testing::Range(0, 8));

TEST(FigureBlocks, AreEveryQuarterOfTheDepth) {
  ModelConfig config = testing::small_config(Architecture::kQwen2);
  config.layers = 9;
  const testing::RandomModel model(config);
  Executor executor(1);
  FigureRequest request{.source = model,
                        .model = "m",
                        .texts = {{"t", testing::random_tokens(20, 101, 1)}},
                        .options = {.tokens = 20, .shown = 5},
                        .walk = {},
                        .executor = executor};
  std::vector<std::int64_t> blocks, told;
  request.on_block = [&](std::int64_t done, std::int64_t total) {
    told.push_back(done);
    EXPECT_EQ(total, 7);  // none behind the last one that is shown
  };
  for (const Panel& panel : key_bias_figure(request).panels) blocks.push_back(panel.facts["block"]);
  EXPECT_THAT(blocks, ElementsAre(0, 0, 2, 2, 4, 4, 6, 6));
  EXPECT_EQ(told.size(), 7u);
  request.options.blocks = {9};
  EXPECT_THROW(key_bias_figure(request), Error);
}

TEST(KeyBiasFigure, RefusesModelsWithoutWhatItShows) {
  for (const Architecture architecture : {Architecture::kLlama, Architecture::kQwen3}) {
    ModelConfig config = testing::small_config(architecture);
    EXPECT_THROW(require_key_bias(config), Error);
    config.qkv_bias = true;
    if (!config.query_key_norm) continue;
    EXPECT_THROW(require_key_bias(config), Error);
  }
  EXPECT_NO_THROW(require_key_bias(testing::small_config(Architecture::kQwen2)));
}

TEST(KeyRopeFigure, WantsAWholeRange) {
  const testing::RandomModel model(testing::small_config(Architecture::kLlama));
  Executor executor(1);
  FigureRequest request{.source = model,
                        .model = "m",
                        .texts = {{"t", testing::random_tokens(20, 101, 1)}},
                        .options = {.tokens = 20, .range = 21},
                        .walk = {},
                        .executor = executor};
  EXPECT_THROW(key_rope_figure(request), Error);
  request.options.range = 8;  // 4 tokens are left over
  const FigureData figure = key_rope_figure(request);
  EXPECT_EQ(std::get<CurvesPanel>(figure.panels.front().content).curves.size(), 2u);
  EXPECT_EQ(figure.facts["tokens"], 16);
}

TEST(MagnitudeRanks, AreThoseOfASortedList) {
  const auto ranks = [](std::vector<float> values) {
    return magnitude_ranks([&](const std::function<void(std::span<const float>)>& each) {
      each(std::span(values).first(values.size() / 2));
      each(std::span(values).subspan(values.size() / 2));
    });
  };
  const MagnitudeRanks odd = ranks({-9, 0.5f, 3, -0.25f, 1e-30f});
  EXPECT_THAT(odd.largest, ElementsAre(9, 3, 0.5f));
  EXPECT_EQ(odd.median, 0.5f);
  EXPECT_EQ(ranks({4, -1, 2, -3}).median, 2);  // the lower of the two in the middle
  EXPECT_EQ(ranks({7}).median, 7);
  EXPECT_THAT(ranks({5, -5}).largest, ElementsAre(5, 5, 0));
  EXPECT_THROW(ranks({1, NAN}), Error);
  EXPECT_THROW(ranks({}), Error);
}

}  // namespace
}  // namespace qreason
