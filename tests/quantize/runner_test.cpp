#include "quantize/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "quantize/cost.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/oracle_case.h"
#include "support/fixtures.h"
#include "support/recording_listener.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

struct Killed {};

// Fails like a kill at the n-th call of finish_part, before or after the part is there.
class DyingSink : public testing::MemorySink {
 public:
  enum class When { kNever, kBefore, kAfter };
  void finish_part(const std::string& part) override {
    const bool now = when_ != When::kNever && calls_++ == call_;
    if (now && when_ == When::kBefore) throw Killed{};
    MemorySink::finish_part(part);
    if (now) throw Killed{};
  }
  void die(int call, When when) {
    calls_ = 0;
    call_ = call;
    when_ = when;
  }

 private:
  int calls_ = 0, call_ = 0;
  When when_ = When::kNever;
};

class Runner : public ::testing::Test {
 protected:
  void SetUp() override {
    QREASON_REQUIRE_ORACLE(model, "qwen2-tiny");
    source_ = open_checkpoint(model);
    calibration_.samples = testing::golden_tokens(model, "calib");
    calibration_.samples.resize(4);
    recipe_ = make_recipe("gptq-w3g32", {{"length", std::int64_t{64}}, {"samples", std::int64_t{4}}});
  }

  OrderedJson run(BlockSink& sink, const std::filesystem::path& folder, int threads = 2) {
    Executor executor(threads);
    return run_recipe({.source = *source_,
                       .recipe = recipe_,
                       .calibration = &calibration_,
                       .sink = sink,
                       .folder = folder,
                       .model_identity = identity_},
                      executor);
  }

  static void expect_same(const testing::MemorySink& got, const testing::MemorySink& want) {
    ASSERT_EQ(got.linears().size(), want.linears().size());
    for (const auto& [name, weight] : want.linears()) {
      const LinearWeight& other = got.linears().at(name);
      ASSERT_EQ(other.bias.has_value(), weight.bias.has_value()) << name;
      if (weight.bias) {
        EXPECT_TRUE(other.bias->equal(*weight.bias)) << name;
      }
      ASSERT_EQ(other.quantized(), weight.quantized()) << name;
      if (!weight.quantized()) {
        EXPECT_TRUE(other.dense_float32().equal(weight.dense_float32())) << name;
        continue;
      }
      const auto& a = std::get<QuantizedMatrix>(other.matrix);
      const auto& b = std::get<QuantizedMatrix>(weight.matrix);
      EXPECT_EQ(a.codes, b.codes) << name;
      EXPECT_EQ(a.scales, b.scales) << name;
      EXPECT_EQ(a.zeros, b.zeros) << name;
    }
    ASSERT_EQ(got.tensors().size(), want.tensors().size());
    for (const auto& [name, tensor] : want.tensors()) EXPECT_TRUE(got.tensors().at(name).equal(tensor)) << name;
  }

  std::unique_ptr<Checkpoint> source_;
  CalibrationSet calibration_{.description = "calib"};
  Recipe recipe_;
  std::string identity_ = "model";
};

TEST_F(Runner, GivesTheSameNumbersAfterAKillAtAnyPart) {
  testing::MemorySink whole;
  const testing::ScratchFolder whole_folder;
  const OrderedJson report = run(whole, whole_folder.path());
  // Two blocks and the tensors outside: three parts, killed before and after each.
  for (int call = 0; call < 3; ++call) {
    for (const auto when : {DyingSink::When::kBefore, DyingSink::When::kAfter}) {
      SCOPED_TRACE(call);
      const testing::ScratchFolder folder;
      DyingSink sink;
      sink.die(call, when);
      EXPECT_THROW(run(sink, folder.path()), Killed);
      sink.die(0, DyingSink::When::kNever);
      const OrderedJson resumed = run(sink, folder.path());
      expect_same(sink, whole);
      EXPECT_EQ(resumed.at("totals").at("loss"), report.at("totals").at("loss"));
    }
  }
}

TEST_F(Runner, GivesTheSameNumbersWithOneAndTwoThreads) {
  const testing::ScratchFolder a, b;
  testing::MemorySink one, two;
  run(one, a.path(), 1);
  run(two, b.path(), 2);
  expect_same(one, two);
}

TEST_F(Runner, RefusesTheJournalOfAnotherJob) {
  const testing::ScratchFolder folder;
  DyingSink sink;
  sink.die(1, DyingSink::When::kBefore);
  EXPECT_THROW(run(sink, folder.path()), Killed);
  const QuantizeJob job{.source = *source_,
                        .recipe = recipe_,
                        .calibration = &calibration_,
                        .sink = sink,
                        .folder = folder.path(),
                        .model_identity = identity_};
  EXPECT_EQ(journal_state(job), JournalState::kSameJob);
  identity_ = "another model";
  try {
    run(sink, folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("unfinished run"));
    EXPECT_THAT(error.what(), HasSubstr("--force"));
  }
}

TEST_F(Runner, TellsItsListenerEveryBlock) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  testing::RecordingListener listener;
  ThreadPool pool(2);
  run_recipe({.source = *source_,
              .recipe = recipe_,
              .calibration = &calibration_,
              .sink = sink,
              .folder = folder.path(),
              .model_identity = identity_,
              .listener = listener},
             pool);
  ASSERT_EQ(listener.works.size(), 1u);
  EXPECT_EQ(listener.works[0]->task.total, 2);
  ASSERT_EQ(listener.works[0]->states.size(), 2u);
  EXPECT_EQ(listener.works[0]->states[1].done, 2);
  EXPECT_TRUE(listener.works[0]->finished);
}

TEST_F(Runner, ReportsEveryLinear) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  const OrderedJson report = run(sink, folder.path());
  ASSERT_EQ(report.at("blocks").size(), 2u);
  const OrderedJson& linear = report.at("blocks").at(1).at("linears").at(0);
  EXPECT_EQ(linear.at("name"), "model.layers.1.self_attn.k_proj");
  EXPECT_EQ(linear.at("format"), "w3g32-asym-mse");
  EXPECT_EQ(linear.at("damping"), 0.01);
  for (const char* key : {"loss", "clipped", "scales", "damping_retries", "dead_columns", "seconds"}) {
    EXPECT_TRUE(linear.contains(key)) << key;
  }
  EXPECT_EQ(report.at("totals").at("linears"), 14);
  EXPECT_EQ(report.at("calibration").at("tokens"), 256);
  EXPECT_EQ(report.at("text"), to_toml(recipe_));
}

TEST_F(Runner, EstimatesCostBeforeItRuns) {
  Executor executor(2);
  const CalibrationSize size{.sequences = 4, .tokens = 256, .longest = 64};
  const QuantizeCost in_memory = estimate_cost(recipe_, source_->config(), size, 1 << 30, executor);
  EXPECT_EQ(in_memory.blocks, 2);
  // By hand: the seven linears for 256 tokens, attention over 64 positions, four Hessians and their factors, the
  // updates of GPTQ; then 100 ns a weight and thread for the range search, and writing at 500 MB/s.
  double flops = 2.0 * 256 * 196608 + 2.0 * 256 * 64 * 128 + 147456.0 * 128 + 49152.0 * 384;
  for (const double width : {128.0, 128.0, 128.0, 384.0}) flops += 256 * width * width + width * width * width / 3;
  const double seconds = 2 * flops / (1e9 * in_memory.gflops) + 2 * 196608 * 100e-9 / 2 +
                         static_cast<double>(in_memory.checkpoint_bytes) / 500e6;
  EXPECT_NEAR(in_memory.seconds, seconds, 1e-9 * seconds);
  EXPECT_EQ(in_memory.spilled_bytes, 0u);
  // Hidden states and attention outputs of 256 tokens, 128 floats each, on disk when nothing may stay in memory.
  EXPECT_EQ(estimate_cost(recipe_, source_->config(), size, 0, executor).spilled_bytes, 2u * 256 * 128 * 4);
  // 2 blocks of 196608 weights: 3 bits, and 5 bytes for every 32.
  EXPECT_GT(in_memory.checkpoint_bytes, 2u * 196608 * 3 / 8 + 2u * 196608 / 32 * 5);
}

}  // namespace
}  // namespace qreason
