// An FP8 cache with one scale for all keys of a block and one for its values.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "quantize/calibration_walk.h"
#include "quantize/measured_ranges.h"
#include "quantize/methods/method_table.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::calibration;
using testing::failure_of;
using ::testing::HasSubstr;
using testing::pass;
using testing::run;

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
    const testing::MemorySink plain = run(model, method("fp8-kv8", {"static_cache=true"})).sink,
                              stored = run(model, method("fp8-kv8", {"static_cache=true", "scale_type=bfloat16"})).sink;
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
  const testing::MemorySink sink = run(model, method("fp8-k16v8", {"static_cache=true"})).sink;
  EXPECT_EQ(number_of(sink, 1, Site::kValue, kStaticScale), 1);
  EXPECT_FALSE(sink.plan().block(1).at(Site::kKey).format);
}

TEST(StaticCache, IsRefusedWhereItHasNoMeaning) {
  const testing::RandomModel model(testing::small_config(Architecture::kQwen2), 4);
  const std::string measure = pass("measure_cache"), rotate = pass("rotate_keys"),
                    keys = pass("set_kv_format", "keys = \"k:fp8e4m3-tensor\"");
  EXPECT_EQ(failure_of(model, measure + keys), "no error");
  EXPECT_THAT(failure_of(model, keys), HasSubstr("set_kv_format without measure_cache"));
  EXPECT_THAT(failure_of(model, rotate + measure + keys), HasSubstr("none before a range that is known, per tensor"));
  EXPECT_THAT(failure_of(model, measure + pass("set_kv_format", "keys = \"k8-tensor-sym\"")),
              HasSubstr("a format such as"));
  EXPECT_THROW(method("fp8-w8", {"static_cache=true"}), Error);
  EXPECT_NO_THROW(make_recipe("fp8-kv8", {}));
  EXPECT_THROW(make_recipe("fp8-kv8", {{"scale_type", std::string("bfloat16")}}), Error);
}

}  // namespace
}  // namespace qreason
