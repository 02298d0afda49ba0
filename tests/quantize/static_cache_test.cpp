// An FP8 cache with one scale for all keys of a block and one for its values.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "quantize/calibration_walk.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

const CalibrationSet& calibration() {
  static const CalibrationSet kSet{.description = "random",
                                   .samples = {testing::random_tokens(20, 101, 1), testing::random_tokens(31, 101, 2)}};
  return kSet;
}

testing::MemorySink run(const WeightSource& model, const Recipe& recipe) {
  testing::MemorySink sink;
  Executor executor(1);
  const testing::ScratchFolder folder;
  run_recipe({.source = model,
              .recipe = recipe,
              .calibration = &calibration(),
              .sink = sink,
              .folder = folder.path(),
              .model_identity = "random"},
             executor);
  return sink;
}

Recipe method(const std::string& name, std::vector<std::string> settings) {
  settings.emplace_back("length=31");
  return make_recipe(name, parse_assignments(settings));
}

float number_of(const testing::MemorySink& sink, std::int64_t layer, Site site, std::string_view part) {
  const at::Tensor tensor = sink.tensors().at(site_tensor_name(layer, site, part));
  EXPECT_EQ(tensor.sizes().vec(), std::vector<std::int64_t>{1});
  return tensor.item<float>();
}

// 448 is the largest E4M3 number; bfloat16 has 8 bits of a number.
TEST(StaticCache, HasTheLargestValueOfTheCalibrationAsItsLargest) {
  for (const Architecture architecture : {Architecture::kQwen2, Architecture::kQwen3}) {
    const testing::RandomModel model(testing::small_config(architecture), 4);
    const testing::MemorySink plain = run(model, method("fp8-kv8", {"static_cache=true"})),
                              stored = run(model, method("fp8-kv8", {"static_cache=true", "scale_type=bfloat16"}));
    Executor executor(1);
    CalibrationWalk walk(model, calibration().samples, {}, executor);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      walk.enter(model, layer);
      for (const auto& [site, tap] : {std::pair{Site::kKey, Tap::kRotatedKey}, std::pair{Site::kValue, Tap::kValue}}) {
        float largest = 0;
        for (std::int64_t sequence = 0; sequence < 2; ++sequence) {
          const ActivationRows rows = walk.read(tap, sequence);
          for (std::int64_t i = 0; i < rows.count * rows.width; ++i)
            largest = std::max(largest, std::abs(rows.data[i]));
        }
        EXPECT_FLOAT_EQ(number_of(plain, layer, site, kStaticScale), largest / 448);
        EXPECT_EQ(number_of(plain, layer, site, kStaticZero), 0);
        const float kept = number_of(stored, layer, site, kStaticScale);
        EXPECT_NEAR(kept * 448 / largest, 1, 1.0 / 256);
        EXPECT_EQ(at::tensor({kept}).to(at::kBFloat16).item<float>(), kept);
      }
      walk.leave();
    }
    EXPECT_EQ(to_string(plain.plan().block(1).at(Site::kKey)), "k:fp8e4m3 static");
    EXPECT_EQ(to_string(plain.plan().block(1).at(Site::kValue)), "v:fp8e4m3 static");
  }
}

TEST(StaticCache, OfZerosHasAScaleOfOne) {
  testing::RandomModel model(testing::small_config(Architecture::kLlama), 4);
  const std::string name = "model.layers.1.self_attn.v_proj.weight";
  model.set_tensor(name, at::zeros_like(model.tensor(name)));
  const testing::MemorySink sink = run(model, method("fp8-k16v8", {"static_cache=true"}));
  EXPECT_EQ(number_of(sink, 1, Site::kValue, kStaticScale), 1);
  EXPECT_FALSE(sink.plan().block(1).at(Site::kKey).format);
}

TEST(StaticCache, IsRefusedWhereItHasNoMeaning) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 4);
  const auto failure_of = [&](const std::string& passes) -> std::string {
    try {
      run(model, parse_recipe("name = \"x\"\n[calibration]\nsamples = 2\nlength = 31\n" + passes, "x.toml"));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const std::string measure = "[[pass]]\nkind = \"measure_cache\"\n", rotate = "[[pass]]\nkind = \"rotate_keys\"\n",
                    keys = "[[pass]]\nkind = \"set_kv_format\"\nkeys = \"k:fp8e4m3-tensor\"\n";
  EXPECT_EQ(failure_of(measure + keys), "no error");
  EXPECT_THAT(failure_of(keys), HasSubstr("set_kv_format without measure_cache"));
  EXPECT_THAT(failure_of(rotate + measure + keys), HasSubstr("none before a range that is known, per tensor"));
  EXPECT_THAT(failure_of(measure + "[[pass]]\nkind = \"set_kv_format\"\nkeys = \"k8-tensor-sym\"\n"),
              HasSubstr("a format such as"));
  EXPECT_THROW(method("fp8-w8", {"static_cache=true"}), Error);
}

}  // namespace
}  // namespace qreason
