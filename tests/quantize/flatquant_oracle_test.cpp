// FlatQuant against the golden numbers of the published implementation, with the tolerances of the oracle's README: the
// start, losses and gradients; what golden learned values fold to; free runs.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/safetensors.h"
#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "quantize/block_in_work.h"
#include "quantize/flatquant/viewed_weights.h"
#include "quantize/flatquant/visited_block.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/oracle_case.h"
#include "quantize/runner.h"
#include "support/closeness.h"
#include "support/fixtures.h"
#include "support/foreign_device.h"

namespace qreason {
namespace {

using testing::golden_matrix;
using testing::OracleCase;
using testing::SafetensorsReader;

struct FlatCase : OracleCase {
  int degree = 1;
};

std::vector<FlatCase> flat_cases() {
  std::vector<FlatCase> cases;
  for (const OracleCase& one : testing::oracle_cases("flatquant")) {
    cases.push_back({one, one.name.ends_with("tp2") ? 2 : 1});
    cases.back().method = one.name;
  }
  return cases;
}

#define REQUIRE_FLAT_CASES(cases)                   \
  const std::vector<FlatCase> cases = flat_cases(); \
  if (cases.empty()) GTEST_SKIP() << "test data absent: ../shared/oracle/*/flatquant-*"

std::string golden_name(std::int64_t layer, std::string_view rest) {
  return "layers." + std::to_string(layer) + "." + std::string(rest);
}

at::Tensor golden_tensor(SafetensorsReader& golden, const std::string& name) {
  const testing::GoldenTensor tensor = golden.read(name);
  return at::tensor(tensor.as<float>(), at::kFloat).reshape(tensor.shape);
}

// The largest difference, as a share of the largest golden number.
double share_of_max(const at::Tensor& got, const at::Tensor& want) {
  EXPECT_EQ(got.sizes(), want.sizes());
  return ((got.cpu() - want).abs().max() / want.abs().max()).item<double>();
}

std::vector<float> eval_logits(const WeightSource& source, const OracleCase& one, Executor& executor) {
  Decoder decoder(source, {.type = ComputeType::kFloat32});
  std::vector<float> picked, logits;
  const std::int64_t vocabulary = source.config().vocab_size;
  for (const auto& tokens : testing::golden_tokens(one.folder, "eval")) {
    SequenceCache cache(PagePool(decoder.cache_layout()));
    DecoderStep step;
    const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
    decoder.forward(std::span(&input, 1), step, logits, executor);
    for (std::int64_t position = 0; position < static_cast<std::int64_t>(tokens.size()); position += 3) {
      picked.insert(picked.end(), logits.begin() + position * vocabulary, logits.begin() + (position + 1) * vocabulary);
    }
  }
  return picked;
}

double mean_squared(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum / static_cast<double>(a.size());
}

// The case as a run of the method, with more settings.
OrderedJson run_case(const FlatCase& one, std::vector<std::string> settings, testing::MemorySink& sink,
                     Executor& executor) {
  const auto source = open_checkpoint(one.folder);
  settings.emplace_back("batch_order=sequential");
  Recipe recipe = make_recipe(one.method, parse_assignments(settings));
  recipe.calibration->length = 64;
  const CalibrationSet calibration{.description = "calib", .samples = testing::golden_tokens(one.folder, "calib")};
  const testing::ScratchFolder scratch;
  return run_recipe({.source = *source,
                     .recipe = recipe,
                     .calibration = &calibration,
                     .sink = sink,
                     .folder = scratch.path(),
                     .model_identity = one.model},
                    executor);
}

// layers.I.learned.P of a case as layers.I.P.
void write_state(SafetensorsReader& golden, const std::string& kind, const std::filesystem::path& path) {
  std::map<std::string, testing::GoldenTensor> found;
  for (const std::string& name : golden.names()) {
    const std::size_t at = name.find("." + kind + ".");
    if (at != std::string::npos) found[name.substr(0, at) + name.substr(at + kind.size() + 1)] = golden.read(name);
  }
  std::vector<SafetensorsTensor> tensors;
  for (const auto& [name, tensor] : found) {
    tensors.push_back({name, SafetensorsType::kF32, tensor.shape, std::as_bytes(std::span(tensor.bytes))});
  }
  write_safetensors(path, tensors);
}

void expect_golden_block(const testing::MemorySink& sink, SafetensorsReader& golden, std::int64_t layer) {
  for (const LinearSlot slot : kLinearSlots) {
    const LinearWeight& linear = sink.linears().at(linear_name(layer, slot));
    const auto& matrix = std::get<QuantizedMatrix>(linear.matrix);
    const QuantizedMatrix want = golden_matrix(golden, golden_name(layer, name_of(slot)), matrix.format);
    ASSERT_EQ(matrix.groups, want.groups);
    EXPECT_EQ(matrix.codes, want.codes) << linear_name(layer, slot);
    EXPECT_TRUE(testing::all_close(std::span<const float>(matrix.scales), want.scales, {.relative = 3e-7}))
        << linear_name(layer, slot);
  }
  for (const char* norm : {kInputNorm, kPostNorm}) {
    EXPECT_LE(share_of_max(sink.tensors().at(block_tensor_name(layer, norm)),
                           golden_tensor(golden, golden_name(layer, norm))),
              2e-7);
  }
  const std::string bias = golden_name(layer, name_of(LinearSlot::kV)) + ".bias";
  if (!golden.contains(bias)) return;
  EXPECT_LE(share_of_max(*sink.linears().at(linear_name(layer, LinearSlot::kV)).bias, golden_tensor(golden, bias)),
            1e-6);
}

TEST(FlatQuantOracle, FoldsGoldenStatesToTheGoldenModel) {
  REQUIRE_FLAT_CASES(cases);
  Executor executor(1);
  for (const FlatCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    SafetensorsReader golden(one.file);
    const testing::ScratchFolder scratch;
    const auto state = scratch.path() / "learned.safetensors";
    write_state(golden, "learned", state);
    testing::MemorySink sink;
    run_case(one, {"epochs=0", "initial_state=" + state.string()}, sink, executor);
    for (std::int64_t layer = 0; layer < sink.config().layers; ++layer) expect_golden_block(sink, golden, layer);
    const testing::SinkSource quantized(sink);
    EXPECT_TRUE(testing::all_close(std::span<const float>(eval_logits(quantized, one, executor)),
                                   golden.read("logits").as<float>(), {.absolute = 1e-4}));
  }
}

// A block of a case on its way through training.
class FlatVisit {
 public:
  FlatVisit(const FlatCase& one, const WeightSource& source, CalibrationWalk& walk, std::int64_t layer,
            Executor& executor)
      : shape_(flat_shape(source.config(), one.degree)),
        found_(source, layer),
        view_(found_, &walk, executor),
        weights_(view_),
        data_(training_data(view_, view_)),
        rope_(source.config()),
        angles(reference_angles(rope_, source.config(), data_.lengths.front(),
                                {.type = at::kFloat, .device = data_.device})),
        plan_(validate(recipe_of(one), source.config())),
        block(weights_, layer, plan_.block(layer), shape_, executor, data_.device),
        state(published_start(view_, weights_, shape_, Parametrization::kInverse).state) {
    state.place(data_.device);
  }

  void leave() { view_.leave(); }
  const TrainingData& data() const { return data_; }

  at::Tensor first_batch(const std::function<void(std::int64_t, const at::Tensor&)>& read) const {
    at::Tensor rows =
        at::empty({4, data_.lengths.front(), data_.width}, at::TensorOptions().dtype(at::kFloat).device(data_.device));
    for (std::int64_t s = 0; s < 4; ++s) read(s, rows[s]);
    return rows;
  }

 private:
  static Recipe recipe_of(const FlatCase& one) {
    Recipe recipe = make_recipe(one.method, {});
    recipe.calibration->length = 64;
    return recipe;
  }

  FlatShape shape_;
  BlockWeights found_;
  FloatBlock view_;
  ViewedWeights weights_;
  TrainingData data_;
  RopeTable rope_;

 public:
  ReferenceAngles angles;

 private:
  ModelPlan plan_;

 public:
  FlatBlock block;
  FlatState state;
};

// On the processor's kernels, or on a device.
void expect_golden_starts(const std::vector<FlatCase>& cases, std::optional<at::Device> device) {
  Executor executor(1);
  for (const FlatCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    SafetensorsReader golden(one.file);
    const auto losses = golden.read("loss.step").as<float>();
    const auto source = open_checkpoint(one.folder);
    at::set_num_threads(1);
    CalibrationWalk walk(*source, testing::golden_tokens(one.folder, "calib"), {.device = device}, executor);
    double worst_start = 0, worst_gradient = 0, worst_step = 0;
    std::int64_t far = 0, all = 0;
    for (std::int64_t layer = 0; layer < source->config().layers; ++layer) {
      FlatVisit visit(one, *source, walk, layer, executor);
      AdamW optimizer;
      visit.state.visit([&](const std::string& name, at::Tensor& value, FlatState::Kind kind) {
        const std::string init = golden_name(layer, "init." + name);
        ASSERT_TRUE(golden.contains(init)) << init;
        const at::Tensor want = golden_tensor(golden, init);
        worst_start = std::max(worst_start, share_of_max(value, want));
        value.copy_(want).requires_grad_(true);  // stage by stage: the golden start in place
        optimizer.add(value, kind == FlatState::Kind::kClip ? 5e-2 : 5e-3);
      });
      const at::Tensor made =
          visit.block.forward(visit.state, visit.first_batch(visit.data().read_input), visit.angles);
      const at::Tensor loss = (made - visit.first_batch(visit.data().read_target)).square().mean();
      const double want = losses[static_cast<std::size_t>(layer * 12)];
      EXPECT_NEAR(loss.item<double>() / want, 1, layer == 0 ? 1e-5 : 1e-3);
      if (layer == 0) {
        (loss / loss.detach()).backward();
        visit.state.visit([&](const std::string& name, at::Tensor& value, FlatState::Kind) {
          const double share = share_of_max(value.grad(), golden_tensor(golden, golden_name(0, "first_grad." + name)));
          EXPECT_LE(share, 5e-5) << name;
          worst_gradient = std::max(worst_gradient, share);
        });
        optimizer.step();
        visit.state.visit([&](const std::string& name, at::Tensor& value, FlatState::Kind) {
          const at::Tensor stepped = golden_tensor(golden, golden_name(0, "step1." + name));
          const at::Tensor off = (value.detach().cpu() - stepped).abs() / stepped.abs().max();
          far += (off > 1e-4).sum().item<std::int64_t>();
          all += off.numel();
          worst_step = std::max(worst_step, off.max().item<double>());
        });
      }
      visit.leave();
    }
    EXPECT_LE(worst_start, 1e-6);
    EXPECT_LE(worst_step, 2e-2);
    EXPECT_LE(static_cast<double>(far), 0.01 * static_cast<double>(all));
    ::testing::Test::RecordProperty(one.model + "." + one.name,
                                    fmt::format("start {:.2g}, gradient {:.2g}, step {:.2g}, {} of {} beyond 1e-4",
                                                worst_start, worst_gradient, worst_step, far, all));
  }
}

TEST(FlatQuantOracle, StartsWithTheGoldenStatesLossesAndGradients) {
  REQUIRE_FLAT_CASES(cases);
  expect_golden_starts(cases, std::nullopt);
}

TEST(FlatQuantOracle, StartsWithThemOnADevice) {
  REQUIRE_FLAT_CASES(cases);
  expect_golden_starts(cases, testing::foreign_device());
}

TEST(FlatQuantOracle, RunsFreelyToTheGoldenLossesAndLogits) {
  REQUIRE_FLAT_CASES(cases);
  Executor executor(1);
  for (const FlatCase& one : cases) {
    SCOPED_TRACE(one.model + " " + one.name);
    SafetensorsReader golden(one.file);
    const auto step_losses = golden.read("loss.step").as<float>();
    const auto epoch_sums = golden.read("loss.epoch_sum").as<float>();
    testing::MemorySink sink;
    const OrderedJson report = run_case(one, {"epochs=3"}, sink, executor);
    double worst_step = 0, worst_epoch = 0;
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const OrderedJson& first = report.at("blocks").at(layer).at("linears").at(0);
      EXPECT_EQ(first.at("counts").at("training_restarts"), 0);
      const auto losses = first.at("training").at("step_losses").get<std::vector<std::vector<double>>>();
      ASSERT_EQ(losses.size(), 3u);
      for (std::size_t epoch = 0; epoch < 3; ++epoch) {
        double sum = 0;
        for (std::size_t step = 0; step < 4; ++step) {
          const double ratio = losses[epoch][step] / step_losses[(layer * 3 + epoch) * 4 + step];
          worst_step = std::max(worst_step, std::abs(ratio - 1));
          sum += losses[epoch][step];
        }
        worst_epoch = std::max(worst_epoch, std::abs(sum / epoch_sums[layer * 3 + epoch] - 1));
      }
    }
    EXPECT_LE(worst_step, 0.25);
    EXPECT_LE(worst_epoch, 0.10);
    const testing::SinkSource quantized(sink);
    const std::vector<float> logits = eval_logits(quantized, one, executor);
    const auto source = open_checkpoint(one.folder);
    const double distance = mean_squared(logits, eval_logits(*source, one, executor));
    EXPECT_NEAR(distance / one.logits_mse_vs_float, 1, 0.40);
    RecordProperty(one.model + "." + one.name, fmt::format("step {:.2g}, epoch {:.2g}, logits mse {:.3g} of {:.3g}",
                                                           worst_step, worst_epoch, distance, one.logits_mse_vs_float));
  }
}

}  // namespace
}  // namespace qreason
