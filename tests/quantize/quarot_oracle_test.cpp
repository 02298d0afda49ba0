// QuaRot and QuaRot-KV against the golden numbers of the published reference implementation, with the tolerances of the
// oracle's README.
#include "quantize/exact_views.h"
#include "quantize/golden_visit.h"
#include "support/decoding_backend.h"

namespace qreason {
namespace {

using testing::FreeRun;
using testing::GoldenModel;
using testing::GoldenVisit;
using testing::largest_distance;
using testing::OracleCase;
using testing::RowDifferences;
using testing::SafetensorsReader;

constexpr std::array kModels{"qwen2-tiny", "llama-tiny"};
constexpr const char* kAbsent = "test data absent: ../shared/oracle/*/quarot-*";

std::vector<OracleCase> quarot_cases() {
  std::vector<OracleCase> cases;
  for (const auto& one : testing::oracle_cases("quarot")) {
    if (one.name.find("folded") != std::string::npos) continue;
    cases.push_back(one);
    if (one.name.ends_with("-full")) cases.back().settings.push_back("full_output_rotation=true");
  }
  return cases;
}

Recipe calibrated(const OracleCase& one) {
  Recipe recipe = testing::recipe_of(one);
  if (recipe.calibration) recipe.calibration->length = 64;
  return recipe;
}

// The views of a recipe's exact passes, as its rounding pass finds them.
class Rotated {
 public:
  explicit Rotated(const WeightSource& source, const Recipe& recipe) : last_(&source) {
    for (const PassPointer& pass : recipe.passes) {
      const auto* exact = std::get_if<std::shared_ptr<const ExactPass>>(&pass);
      if (exact == nullptr) continue;
      views_.push_back((*exact)->view(*last_, none_));
      last_ = views_.back().get();
    }
  }
  const WeightSource& source() const { return *last_; }

 private:
  Statistics none_;
  std::vector<std::unique_ptr<WeightSource>> views_;
  const WeightSource* last_;
};

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

// Every tensor of the file against the view's, of the tensor's largest; how many there were.
int compare_folded(const WeightSource& view, SafetensorsReader& golden, double& worst) {
  int compared = 0;
  for (const std::string& name : golden.names()) {
    if (name == "logits" || name == "signs") continue;
    const std::string own = name.starts_with("layers.") ? "model." + name : name;
    at::Tensor got;
    if (own == kEmbeddingName) {
      got = view.tensor(own);
    } else if (own.ends_with(".bias")) {
      got = *view.linear(own.substr(0, own.size() - 5)).bias;
    } else {
      got = view.linear(own.substr(0, own.size() - 7)).dense_float32();
    }
    const std::vector<float> want = golden.read(name).as<float>();
    double largest = 0;
    for (const float value : want) largest = std::max(largest, std::abs(double{value}));
    const double distance = largest_distance(values_of(got), want) / largest;
    EXPECT_LE(distance, 1e-6) << name;
    worst = std::max(worst, distance);
    ++compared;
  }
  return compared;
}

std::string signs_text(SafetensorsReader& file) {
  std::string text;
  for (const std::int8_t sign : file.read("signs").as<std::int8_t>()) text += sign > 0 ? '+' : '-';
  return text;
}

struct Variant {
  const char *name, *method;
  std::vector<std::string> settings;
};

TEST(OracleQuaRot, FoldsAsPublishedAndKeepsTheFloatModel) {
  if (!testing::shared_path("oracle/llama-tiny/quarot-folded-tp2.safetensors")) GTEST_SKIP() << kAbsent;
  Executor executor(2);
  for (const char* model : kModels) {
    const auto folder =
        testing::shared_path(std::string("oracle/") + model + "/model.safetensors").value().parent_path();
    const auto source = open_checkpoint(folder);
    SafetensorsReader signed_file(folder / "quarot-folded-tp2.safetensors");
    const auto tokens = testing::golden_tokens(folder, "eval");
    const std::vector<float> float_logits = testing::logits_at_positions(*source, tokens, executor);
    for (const Variant& variant :
         {Variant{"tp2", "quarot-w4a4kv4-tp2", {}}, Variant{"tp1-perhead", "quarot-w4a4kv4", {}},
          Variant{"tp1-full", "quarot-w4a4kv4", {"full_output_rotation=true"}}}) {
      SCOPED_TRACE(std::string(model) + " " + variant.name);
      ParameterMap parameters = parse_assignments(variant.settings);
      parameters["rotation_signs"] = signs_text(signed_file);
      const Recipe recipe = make_recipe(variant.method, parameters);
      const Rotated rotated(*source, recipe);
      SafetensorsReader golden(folder / (std::string("quarot-folded-") + variant.name + ".safetensors"));
      double worst = 0;
      EXPECT_GE(compare_folded(rotated.source(), golden, worst), variant.name == std::string("tp1-full") ? 1 : 2);
      ModelPlan plan = rotated.source().plan();
      plan.tensor_parallel = recipe.tensor_parallel;
      const testing::WithPlan executed(rotated.source(), plan);
      const std::vector<float> logits = testing::logits_at_positions(executed, tokens, executor);
      EXPECT_LE(largest_distance(logits, float_logits), 5e-5);
      EXPECT_LE(largest_distance(logits, golden.read("logits").as<float>()), 5e-5);
      const std::string key = std::string(model) + "." + variant.name;
      RecordProperty(key + ".weights", std::to_string(worst * 1e9) + "e-9");
      RecordProperty(key + ".logits", std::to_string(largest_distance(logits, float_logits)));
    }
  }
}

// The signs that are drawn from seed 0 are the golden ones, so that no file is needed.
TEST(OracleQuaRot, DrawsThePublishedSigns) {
  if (!testing::shared_path("oracle/llama-tiny/quarot-folded-tp2.safetensors")) GTEST_SKIP() << kAbsent;
  for (const char* model : kModels) {
    const auto folder =
        testing::shared_path(std::string("oracle/") + model + "/model.safetensors").value().parent_path();
    const auto source = open_checkpoint(folder);
    SafetensorsReader golden(folder / "quarot-folded-tp2.safetensors");
    const Rotated rotated(*source, make_recipe("quarot-w4a4kv4-tp2", {}));
    const at::Tensor embedding = rotated.source().tensor(kEmbeddingName);
    EXPECT_TRUE(testing::all_close(values_of(embedding), golden.read(kEmbeddingName).as<float>(), {.absolute = 1e-6}));
  }
}

double share_beyond(const std::vector<float>& a, const std::vector<float>& b, float distance) {
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < a.size(); ++i) beyond += std::abs(a[i] - b[i]) > distance ? 1 : 0;
  return static_cast<double>(beyond) / static_cast<double>(a.size());
}

TEST(OracleQuaRot, RoundsStageByStageAndRunsWithGoldenWeights) {
  const auto cases = quarot_cases();
  if (cases.empty()) GTEST_SKIP() << kAbsent;
  const testing::DecodingBackend decodes;
  Executor executor(2), decoding(2, decodes);
  for (const OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    const auto source = open_checkpoint(one.folder);
    const Recipe recipe = calibrated(one);
    const ModelPlan plan = validate(recipe, source->config());
    const Rotated rotated(*source, recipe);
    SafetensorsReader golden(one.file);
    CalibrationWalk walk(rotated.source(), testing::golden_tokens(one.folder, "calib"), {}, executor);
    int differing_rows = 0;
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      GoldenVisit visit(rotated.source(), plan, golden, walk, layer, executor);
      std::get<std::shared_ptr<const BlockPass>>(recipe.passes.back())->apply(visit);
      differing_rows += static_cast<int>(visit.all_.differing_rows);
    }
    const std::vector<float> want = golden.read("logits").as<float>();
    const GoldenModel model(rotated.source(), plan, golden);
    const auto tokens = testing::golden_tokens(one.folder, "eval");
    const std::vector<float> got = testing::logits_at_positions(model, tokens, decoding);
    const bool four_bits = one.name.find("w4") != std::string::npos;
    EXPECT_LE(largest_distance(got, want), four_bits ? 1e-4 : 0.2);
    EXPECT_LE(testing::mean_squared(got, want), four_bits ? 1e-8 : 2e-4);
    // As whole numbers: the same but behind a flipped code, in 8 bits as above.
    const std::vector<float> packed = testing::logits_at_positions(model, tokens, executor);
    if (four_bits) {
      EXPECT_LE(share_beyond(packed, want, 1e-4), 0.1);
    } else {
      EXPECT_LE(largest_distance(packed, want), 0.2);
      EXPECT_LE(testing::mean_squared(packed, want), 2e-4);
    }
    RecordProperty(one.model + "." + one.name + ".differing_rows", differing_rows);
    RecordProperty(one.model + "." + one.name + ".max", std::to_string(largest_distance(got, want)));
    RecordProperty(one.model + "." + one.name + ".mse", std::to_string(testing::mean_squared(got, want) * 1e6) + "e-6");
  }
}

TEST(OracleQuaRot, RunsFreelyToTheGoldenCodesAndLogits) {
  const auto cases = quarot_cases();
  if (cases.empty()) GTEST_SKIP() << kAbsent;
  Executor executor(2);
  for (const OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    FreeRun run;
    testing::run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    const RowDifferences all = testing::compare_all_codes(run, golden);
    const double distance = testing::mean_squared(run.logits, golden.read("logits").as<float>());
    const bool four_bits = one.name.find("w4") != std::string::npos;
    EXPECT_LE(static_cast<double>(all.flipped), 0.08 * static_cast<double>(all.codes));
    EXPECT_LE(all.largest, 5);
    EXPECT_LE(distance, (four_bits ? 0.5 : 0.15) * one.logits_mse_vs_float);
    RecordProperty(one.model + "." + one.name + ".flipped_ppm",
                   static_cast<int>(1'000'000 * all.flipped / std::max<std::int64_t>(all.codes, 1)));
    RecordProperty(one.model + "." + one.name + ".mse_share", std::to_string(distance / one.logits_mse_vs_float));
  }
}

// Weights are the float model's; keys rotated, keys and values rounded.
TEST(OracleQuaRotKv, HasTheGoldenLogits) {
  std::vector<OracleCase> cases = testing::oracle_cases("quarot_kv");
  if (cases.empty()) GTEST_SKIP() << "test data absent: ../shared/oracle/*/quarot_kv-*";
  Executor executor(2);
  for (OracleCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    one.method.replace(0, std::string("quarot_kv").size(), "quarot");
    FreeRun run;
    testing::run_freely(one, executor, run);
    SafetensorsReader golden(one.file);
    const double distance = largest_distance(run.logits, golden.read("logits").as<float>());
    EXPECT_LE(distance, 1e-4);
    RecordProperty(one.model + "." + one.name + ".max", std::to_string(distance));
  }
}

}  // namespace
}  // namespace qreason
