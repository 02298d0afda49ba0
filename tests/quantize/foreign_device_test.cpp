// Every method on another device than the processor: a device of libtorch's whose memory faults where the host touches
// it, and which refuses tensors of the host beside its own (support/foreign_device.h). What runs there gives the bits
// that the same tensor operations give on the processor, which device_oracle_test.cpp compares with golden numbers.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <numeric>

#include "base/error.h"
#include "quantize/block_progress.h"
#include "quantize/calibration_walk.h"
#include "quantize/dying.h"
#include "quantize/recipe_support.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/foreign_device.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using testing::foreign_device;
using testing::foreign_operations;
using ::testing::HasSubstr;
using testing::Killed;

using Where = std::optional<at::Device>;

testing::RandomModel model_of(Architecture architecture) {
  ModelConfig config = testing::small_config(architecture);
  config.hidden_size = 128;
  config.intermediate_size = 192;
  config.heads = 4;
  config.kv_heads = architecture == Architecture::kQwen2 ? 2 : 4;
  config.head_dim = 32;
  config.layers = 2;
  return testing::RandomModel(config, 7);
}

CalibrationSet calibration_of(const ModelConfig& config) {
  CalibrationSet set{.description = "random"};
  for (const std::int64_t length : {120, 57, 96, 120}) {  // more tokens than channels: a Hessian of full rank
    set.samples.push_back(
        testing::random_tokens(length, config.vocab_size, static_cast<std::uint64_t>(set.samples.size())));
  }
  return set;
}

Recipe method(const char* name, const std::vector<std::string>& settings) {
  Recipe recipe = testing::method(name, settings);
  if (recipe.calibration) recipe.calibration->length = 120;
  return recipe;
}

struct Trial {
  const Recipe& recipe;
  const testing::RandomModel& model;
  Where device;
  ProgressListener& listener = no_listener();
};

OrderedJson run(const Trial& trial, testing::MemorySink& sink, const std::filesystem::path& folder) {
  const CalibrationSet calibration = calibration_of(trial.model.config());
  Executor executor(1);
  return run_recipe({.source = trial.model,
                     .recipe = trial.recipe,
                     .calibration = needs_calibration(trial.recipe) ? &calibration : nullptr,
                     .sink = sink,
                     .folder = folder,
                     .model_identity = "random",
                     .device = trial.device,
                     .listener = trial.listener},
                    executor);
}

// Shares of all codes, and of all tensors by the root of their squares, in which two models differ.
struct Difference {
  double codes = 0, floats = 0;
};

Difference difference_of(const testing::MemorySink& a, const testing::MemorySink& b) {
  double codes = 0, other = 0, off = 0, all = 0;
  const auto compare = [&](const at::Tensor& x, const at::Tensor& y) {
    off += (x - y).to(at::kDouble).square().sum().item<double>();
    all += y.to(at::kDouble).square().sum().item<double>();
  };
  for (const auto& [name, weight] : b.linears()) {
    const LinearWeight& mine = a.linears().at(name);
    EXPECT_EQ(mine.quantized(), weight.quantized()) << name;
    if (weight.bias) compare(*mine.bias, *weight.bias);
    if (!weight.quantized()) {
      compare(mine.dense_float32(), weight.dense_float32());
      continue;
    }
    const auto& x = std::get<QuantizedMatrix>(mine.matrix).codes;
    const auto& y = std::get<QuantizedMatrix>(weight.matrix).codes;
    EXPECT_EQ(x.size(), y.size()) << name;
    for (std::size_t i = 0; i < y.size(); ++i) other += x[i] != y[i] ? 1 : 0;
    codes += static_cast<double>(y.size());
    compare(mine.dense_float32(), weight.dense_float32());
  }
  for (const auto& [name, tensor] : b.tensors()) compare(a.tensors().at(name).to(at::kDouble), tensor.to(at::kDouble));
  return {.codes = codes > 0 ? other / codes : 0, .floats = all > 0 ? std::sqrt(off / all) : 0};
}

// Libtorch on one thread: its order of summation may depend on how many there are.
class ForeignDevice : public ::testing::Test {
 protected:
  ForeignDevice() : threads_(at::get_num_threads()) {
    at::set_num_threads(1);
    testing::clear_foreign_operations();
  }
  ~ForeignDevice() override { at::set_num_threads(threads_); }

  // A run there gives the bits of the same operations on the processor.
  static void expect_same_bits(const Recipe& recipe, const testing::RandomModel& model) {
    testing::MemorySink there, here;
    const testing::ScratchFolder folders[2];
    run({recipe, model, at::Device(at::kCPU)}, here, folders[0].path());
    const OrderedJson report = run({recipe, model, foreign_device()}, there, folders[1].path());
    EXPECT_EQ(report.at("device"), foreign_device().str());
    const Difference off = difference_of(there, here);
    EXPECT_EQ(off.codes, 0);
    EXPECT_EQ(off.floats, 0);
  }

 private:
  int threads_;
};

using ForeignDeviceDeathTest = ForeignDevice;

TEST_F(ForeignDeviceDeathTest, FaultsWhereTheHostReadsItsMemory) {
  const at::Tensor there = at::rand({4}).to(foreign_device());
  EXPECT_EXIT(
      {
        volatile float value = *there.const_data_ptr<float>();
        static_cast<void>(value);
      },
      ::testing::KilledBySignal(SIGSEGV), "");
}

TEST_F(ForeignDevice, ComputesWhatTheProcessorDoesAndRefusesItsTensors) {
  const at::Tensor a = at::rand({5, 7}).requires_grad_(true), b = at::rand({7, 3});
  const at::Tensor x = a.detach().to(foreign_device()).requires_grad_(true), y = b.to(foreign_device());
  const at::Tensor want = at::matmul(a, b).softmax(1).square().sum();
  const at::Tensor got = at::matmul(x, y).softmax(1).square().sum();
  EXPECT_EQ(got.item<float>(), want.item<float>());
  want.backward();
  got.backward();
  EXPECT_TRUE(x.grad().cpu().equal(a.grad()));
  EXPECT_EQ(foreign_operations("aten::mm"), 2);
  EXPECT_EQ(foreign_operations("_softmax_backward_data"), 1);
  EXPECT_THAT([&] { at::matmul(x, b); },
              ::testing::ThrowsMessage<std::exception>(HasSubstr("beside one of the device")));
  EXPECT_TRUE((x * at::rand({})).device() == foreign_device()) << "a number of the host may stand beside tensors";
}

// Rows on the device, in the host's memory and on disk are the same.
TEST_F(ForeignDevice, WalksAlikeWhereverItsRowsAreKept) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  const std::vector<std::vector<std::int32_t>> samples = calibration_of(model.config()).samples;
  Executor executor(1);
  const testing::ScratchFolder folder;
  const auto last_rows = [&](std::uint64_t device_bytes, std::uint64_t host_bytes) {
    testing::set_free_foreign_memory(device_bytes);
    CalibrationWalk walk(model, samples,
                         {.memory_limit = host_bytes, .spill_folder = folder.path(), .device = foreign_device()},
                         executor);
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      if (layer > 0) walk.leave();
      walk.enter(model, layer);
    }
    const ActivationRows rows = walk.read(Tap::kBlockOutput, 3);
    EXPECT_EQ(rows.data, nullptr);
    return rows.tensor.cpu();
  };
  const std::uint64_t all = std::uint64_t{1} << 30;
  const at::Tensor want = last_rows(all, 0);
  for (const auto& [device, host] : {std::pair{std::uint64_t{0}, all},
                                     {std::uint64_t{0}, std::uint64_t{0}},
                                     {std::uint64_t{70000}, std::uint64_t{40000}}}) {
    EXPECT_TRUE(last_rows(device, host).equal(want)) << device;
  }
  testing::set_free_foreign_memory(std::uint64_t{1} << 40);
}

struct MethodCase {
  const char* name;
  std::vector<std::string> settings;
  std::vector<std::string> operations;  // that must have run there
  Architecture architecture = Architecture::kQwen2;
};

const std::vector<std::string> kGptq{"aten::mm", "_softmax", "addmm", "linalg_cholesky_ex", "aten::round"};

TEST_F(ForeignDevice, RunsEveryMethod) {
  const std::vector<MethodCase> cases{
      {"rtn-w4g16", {}, {}},
      {"mxfp4-w4a4kv4", {}, {}},
      {"gptq-w4c", {}, kGptq},
      {"gptq-w3g16", {"act_order=true", "static_groups=false", "block_size=24", "mse_search=false"}, kGptq},
      {"gptq-w4g16",
       {"asymmetric_calibration=true", "mse_search=false"},
       {"aten::mm", "addmm", "linalg_solve_triangular"}},
      {"gptq-b5g16", {"sensitivity_tokens=64", "mse_search=false"}, {"linalg_cholesky_ex", "_log_softmax"}},
      {"awq-w4g16", {"search_steps=6"}, {"aten::mm", "aten::bmm", "addmm"}, Architecture::kLlama},
      {"awq-w3g16", {"search_steps=6", "duo_scaling=true"}, {"aten::mm", "aten::bmm"}},
      {"smoothquant-w8a8kv8", {"mse_search=false"}, kGptq},
      {"quarot-w4a4kv4", {"mse_search=false"}, kGptq, Architecture::kLlama},
      {"quarot-kv4", {}, {}},
      {"kvquant_star-kv4", {}, {"aten::mm", "amin", "amax"}},
  };
  for (const MethodCase& one : cases) {
    SCOPED_TRACE(one.name);
    testing::clear_foreign_operations();
    expect_same_bits(method(one.name, one.settings), model_of(one.architecture));
    for (const std::string& operation : one.operations) EXPECT_GT(foreign_operations(operation), 0) << operation;
  }
}

using Losses = std::vector<std::vector<double>>;

// Attention and the fused kernels of the processor sum up in another order: what is learned agrees as a free run of the
// oracle does (../shared/oracle).
TEST_F(ForeignDevice, LearnsWhatTheProcessorLearns) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  for (const char* parametrization : {"parametrization=inverse", "parametrization=svd"}) {
    SCOPED_TRACE(parametrization);
    const Recipe recipe = method("flatquant-w4a4kv4", {"epochs=3", "batch_size=2", parametrization});
    testing::MemorySink there, here;
    const testing::ScratchFolder folders[2];
    const OrderedJson want = run({recipe, model, std::nullopt}, here, folders[0].path());
    testing::clear_foreign_operations();
    const OrderedJson got = run({recipe, model, foreign_device()}, there, folders[1].path());
    for (const char* operation : {"aten::mm", "linalg", "_softmax_backward_data", "addcdiv", "lerp"}) {
      EXPECT_GT(foreign_operations(operation), 0) << operation;
    }
    for (std::size_t block = 0; block < 2; ++block) {
      const auto losses = [block](const OrderedJson& report) {
        const OrderedJson& first = report.at("blocks").at(block).at("linears").at(0);
        return first.at("training").at("step_losses").get<Losses>();
      };
      const Losses mine = losses(got), theirs = losses(want);
      ASSERT_EQ(mine.size(), 3u);
      for (std::size_t epoch = 0; epoch < 3; ++epoch) {
        const double sum = std::accumulate(theirs[epoch].begin(), theirs[epoch].end(), 0.0);
        EXPECT_NEAR(std::accumulate(mine[epoch].begin(), mine[epoch].end(), 0.0), sum, 0.1 * sum) << epoch;
      }
    }
  }
}

// A run that is killed at any block or phase goes on to the same bits.
TEST_F(ForeignDevice, GoesOnWhereItWasKilled) {
  const testing::RandomModel model = model_of(Architecture::kQwen2);
  for (const auto& [name, settings] :
       {std::pair<const char*, std::vector<std::string>>{"gptq-w3g16", {"mse_search=false"}},
        {"awq-w4g16", {"search_steps=4"}},
        {"smoothquant-w8a8kv8", {"mse_search=false"}},
        {"flatquant-w4a4kv4", {"epochs=1", "batch_size=2"}}}) {
    SCOPED_TRACE(name);
    const Recipe recipe = method(name, settings);
    testing::MemorySink whole;
    const testing::ScratchFolder own;
    run({recipe, model, foreign_device()}, whole, own.path());
    for (int event = 1;; ++event) {
      const testing::ScratchFolder folder;
      testing::MemorySink sink;
      testing::DyingListener listener(event);
      try {
        run({recipe, model, foreign_device(), listener}, sink, folder.path());
        EXPECT_GE(event, 3);
        break;
      } catch (const Killed&) {
        run({recipe, model, foreign_device()}, sink, folder.path());
      }
      const Difference off = difference_of(sink, whole);
      EXPECT_EQ(off.codes, 0) << event;
      EXPECT_EQ(off.floats, 0) << event;
    }
  }
}

// FlatQuant's training is cut off in the middle of an epoch: what was learned before is not learned again.
TEST_F(ForeignDevice, GoesOnInsideABlock) {
  const testing::RandomModel model = model_of(Architecture::kLlama);
  const Recipe recipe = method("flatquant-w4a4kv4", {"epochs=4", "batch_size=2"});
  constexpr const char* kStep = "lerp";  // of AdamW, several a step
  testing::MemorySink whole;
  const testing::ScratchFolder own;
  run({recipe, model, foreign_device()}, whole, own.path());
  const std::int64_t all = foreign_operations(kStep);
  for (const std::int64_t eighth : {1, 3, 6, 7}) {
    SCOPED_TRACE(eighth);
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    std::int64_t left = all * eighth / 8 + 1;
    testing::before_foreign_operations([&](const std::string& name) {
      if (name.find(kStep) != std::string::npos && --left == 0) throw Killed{};
    });
    EXPECT_THROW(run({recipe, model, foreign_device()}, sink, folder.path()), Killed);
    testing::before_foreign_operations({});
    EXPECT_TRUE(std::filesystem::exists(folder.path() / kBlockProgress));
    testing::clear_foreign_operations();
    run({recipe, model, foreign_device()}, sink, folder.path());
    EXPECT_LE(foreign_operations(kStep), all - all * (eighth - 1) / 8) << "only the epoch at work is learned again";
    const Difference off = difference_of(sink, whole);
    EXPECT_EQ(off.codes, 0);
    EXPECT_EQ(off.floats, 0);
  }
}

}  // namespace
}  // namespace qreason
