// That nothing above the kernels touches a backend's memory, and that what several processes compute is what one does.
#include "kernels/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <barrier>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "model/decoder.h"
#include "model/plan_cases.h"
#include "support/closeness.h"
#include "support/guarded_backend.h"

namespace qreason {
namespace {

using testing::bits_equal;
using testing::GuardedBackend;
using testing::model_with;
using testing::plan_cases;
using testing::PlanCase;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

// A prompt in two steps, then a token each for the sequence and for a fork that writes into a page they share.
std::vector<float> run(const WeightSource& model, Executor& executor) {
  const Decoder decoder(model, {.type = ComputeType::kFloat32, .executor = &executor});
  const std::vector<std::int32_t> tokens = random_tokens(25, model.config().vocab_size, 5);
  const std::span<const std::int32_t> all(tokens);
  SequenceCache cache(PagePool(decoder.cache_layout(), 0, executor.backend()));
  DecoderStep step;
  std::vector<float> logits, seen;
  const auto forward = [&](const std::vector<DecoderInput>& inputs) {
    decoder.forward(inputs, step, logits, executor);
    seen.insert(seen.end(), logits.begin(), logits.end());
  };
  forward({{.tokens = all.first(17), .cache = &cache, .logits = DecoderInput::Logits::kAll, .prompt = 20}});
  forward({{.tokens = all.subspan(17, 3), .cache = &cache, .prompt = 20}});
  SequenceCache other = cache.fork(18);
  forward({{.tokens = all.subspan(20, 1), .cache = &cache}, {.tokens = all.subspan(22, 3), .cache = &other}});
  return seen;
}

class BackendPlans : public ::testing::TestWithParam<std::size_t> {};

TEST_P(BackendPlans, RunInMemoryThatOnlyKernelsReach) {
  const PlanCase& one = plan_cases()[GetParam()];
  const RandomModel model = model_with(one.architecture_of(1), one.rules, one.degree, 1);
  const GuardedBackend backend;
  Executor host(2);
  {
    Executor guarded(2, backend);
    EXPECT_TRUE(bits_equal(run(model, guarded), run(model, host))) << one.name;
    EXPECT_EQ(backend.copied_out, 3);  // the logits of a step, nothing else
  }
  EXPECT_EQ(backend.allocations(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, BackendPlans, ::testing::Range(std::size_t{0}, plan_cases().size()),
                         [](const auto& item) {
                           std::string name = plan_cases()[item.param].name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

// Prompts whose angles depend on their length have rows of their own in the step.
TEST(Backend, BringsTheAnglesOfDynamicScalingIntoItsMemory) {
  ModelConfig config = small_config(Architecture::kLlama);
  config.rope_scaling = DynamicRopeScaling{.factor = 2.0, .original_max_positions = 8};
  const RandomModel model(config);
  const GuardedBackend backend;
  Executor guarded(1, backend), host(1);
  EXPECT_TRUE(bits_equal(run(model, guarded), run(model, host)));
}

TEST(Backend, GuardsItsMemory) {
  const GuardedBackend backend;
  const auto memory = backend.allocate(64);
  EXPECT_DEATH(*memory = std::byte{1}, "");
}

TEST(Backend, IsThatOfDecoderAndExecutor) {
  const RandomModel model(small_config(Architecture::kLlama));
  const Decoder decoder(model, {});
  const GuardedBackend backend;
  Executor guarded(1, backend);
  DecoderStep step;
  std::vector<float> logits;
  EXPECT_THAT([&] { decoder.forward({}, step, logits, guarded); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("an executor of guarded, expected one of cpu")));
}

// Processes as threads that meet to exchange their rows.
class ThreadRanks {
 public:
  explicit ThreadRanks(int size) : size_(size), meet_(size), rows_(static_cast<std::size_t>(size)) {}

  class Rank : public Communicator {
   public:
    Rank(ThreadRanks& ranks, int rank) : ranks_(ranks), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return ranks_.size_; }
    void all_gather(const float* own, std::int64_t count, float* all) override {
      ranks_.rows_[static_cast<std::size_t>(rank_)] = own;
      ranks_.meet_.arrive_and_wait();
      for (const float* rows : ranks_.rows_) {
        std::memcpy(all, rows, static_cast<std::size_t>(count) * sizeof(float));
        all += count;
      }
      ranks_.meet_.arrive_and_wait();
    }

   private:
    ThreadRanks& ranks_;
    int rank_;
  };

 private:
  int size_;
  std::barrier<> meet_;
  std::vector<const float*> rows_;
};

TEST(Communicator, SumsOfRanksHaveTheBitsOfOneProcess) {
  RandomModel model(small_config(Architecture::kQwen2));
  model.set_plan(uniform_plan(model.config().layers, {}, 4));
  Executor one(1);
  const std::vector<float> want = run(model, one);
  for (const int size : {2, 4}) {
    ThreadRanks ranks(size);
    std::vector<std::vector<float>> got(static_cast<std::size_t>(size));
    std::vector<std::thread> processes;
    for (int rank = 0; rank < size; ++rank) {
      processes.emplace_back([&, rank] {
        ThreadRanks::Rank communicator(ranks, rank);
        Executor executor(1, host_backend(), communicator);
        got[static_cast<std::size_t>(rank)] = run(model, executor);
      });
    }
    for (std::thread& process : processes) process.join();
    for (const auto& logits : got) EXPECT_TRUE(bits_equal(logits, want)) << size;
  }
}

TEST(Communicator, CannotDivideShardsUnevenly) {
  class OfThree : public Communicator {
   public:
    int rank() const override { return 0; }
    int size() const override { return 3; }
    void all_gather(const float*, std::int64_t, float*) override {}
  } three;
  RandomModel model(small_config(Architecture::kQwen2));
  model.set_plan(uniform_plan(model.config().layers, {}, 2));
  Executor executor(1, host_backend(), three);
  EXPECT_THAT([&] { run(model, executor); },
              ::testing::ThrowsMessage<Error>(::testing::HasSubstr("2 shards on 3 processes")));
}

}  // namespace
}  // namespace qreason
