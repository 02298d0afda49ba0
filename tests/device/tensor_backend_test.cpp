// The decoder on a backend of tensor operations: the numbers of the processor's kernels for every plan, in memory that
// the host cannot touch, and rows that do not depend on how many come with them.
#include "device/tensor_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/engine.h"
#include "model/decoder.h"
#include "model/plan_cases.h"
#include "support/closeness.h"
#include "support/foreign_device.h"

namespace qreason {
namespace {

using testing::bits_equal;
using testing::foreign_device;
using testing::model_with;
using testing::plan_cases;
using testing::PlanCase;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

// A prompt in two steps, then a token each for the sequence and for a fork that writes into a page they share.
std::vector<float> run(const WeightSource& model, Executor& executor, CachePages pages = CachePages::kCodes) {
  const Decoder decoder(model, {.type = ComputeType::kFloat32, .executor = &executor, .pages = pages});
  const std::vector<std::int32_t> tokens = random_tokens(90, model.config().vocab_size, 5);
  const std::span<const std::int32_t> all(tokens);
  SequenceCache cache(PagePool(decoder.cache_layout(), 0, executor.backend()));
  DecoderStep step;
  std::vector<float> logits, seen;
  const auto forward = [&](const std::vector<DecoderInput>& inputs) {
    decoder.forward(inputs, step, logits, executor);
    seen.insert(seen.end(), logits.begin(), logits.end());
  };
  forward({{.tokens = all.first(70), .cache = &cache, .logits = DecoderInput::Logits::kAll, .prompt = 73}});
  forward({{.tokens = all.subspan(70, 3), .cache = &cache, .prompt = 73}});
  SequenceCache other = cache.fork(18);
  forward({{.tokens = all.subspan(73, 1), .cache = &cache}, {.tokens = all.subspan(75, 3), .cache = &other}});
  forward({{.tokens = all.subspan(74, 1), .cache = &cache}, {.tokens = all.subspan(78, 1), .cache = &other}});
  return seen;
}

class TensorBackendPlans : public ::testing::TestWithParam<std::size_t> {
 protected:
  const PlanCase& plan() const { return plan_cases()[GetParam()]; }
  RandomModel model() const { return model_with(plan().architecture_of(1), plan().rules, plan().degree, 1); }
};

// Sums run in other orders: where a plan rounds, a number at a border may fall on its other side, and what follows from
// it is off by a step of its format. A tenth of the logits may be.
TEST_P(TensorBackendPlans, ComputeWhatTheKernelsDo) {
  const TensorBackend backend(at::kCPU, Arithmetic::kPortable);
  Executor there(1, backend), host(1);
  const std::vector<float> got = run(model(), there), want = run(model(), host);
  ASSERT_EQ(got.size(), want.size());
  std::size_t off = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_TRUE(std::isfinite(got[i])) << i;
    off += std::abs(got[i] - want[i]) > 1e-3f * (1 + std::abs(want[i])) ? 1 : 0;
  }
  EXPECT_LE(off, want.size() / 10) << plan().name;
}

TEST_P(TensorBackendPlans, StayInTheDevicesMemory) {
  const TensorBackend here(at::kCPU, Arithmetic::kPortable), there(foreign_device(), Arithmetic::kPortable);
  Executor host(1, here), foreign(1, there);
  EXPECT_TRUE(bits_equal(run(model(), foreign), run(model(), host))) << plan().name;
}

// Codes in the cache are the numbers that rounding leaves.
TEST_P(TensorBackendPlans, AttendToCodesAsToTheirNumbers) {
  const TensorBackend backend(at::kCPU, Arithmetic::kPortable);
  Executor executor(1, backend);
  EXPECT_TRUE(bits_equal(run(model(), executor), run(model(), executor, CachePages::kFloat32))) << plan().name;
}

INSTANTIATE_TEST_SUITE_P(All, TensorBackendPlans, ::testing::Range(std::size_t{0}, plan_cases().size()),
                         [](const auto& item) {
                           std::string name = plan_cases()[item.param].name;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

class TensorBackendTest : public ::testing::TestWithParam<Arithmetic> {};

TEST_P(TensorBackendTest, MultipliesARowAlikeInAnyCompany) {
  constexpr std::int64_t kRows = 150, kColumns = 96, kOutputs = 80;
  const TensorBackend backend(at::kCPU, GetParam());
  Executor executor(1, backend);
  std::vector<float> x, w;
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) x.push_back(std::sin(static_cast<float>(i)));
  for (std::int64_t i = 0; i < kOutputs * kColumns; ++i) w.push_back(std::cos(static_cast<float>(3 * i)));
  const PackedMatrix packed = backend.pack_float32(w, kOutputs, kColumns, nullptr);
  const auto there = backend.allocate(x.size() * sizeof(float)),
             out = backend.allocate(kRows * kOutputs * sizeof(float));
  backend.copy_in(x.data(), x.size() * sizeof(float), there.get());
  const auto product = [&](std::int64_t first, std::int64_t count) {
    auto* y = reinterpret_cast<float*>(out.get());
    matmul(packed,
           {.x = reinterpret_cast<const float*>(there.get()) + first * kColumns,
            .rows = count,
            .x_stride = kColumns,
            .y = y,
            .y_stride = kOutputs},
           executor);
    std::vector<float> found(static_cast<std::size_t>(count * kOutputs));
    backend.copy_out(y, found.size() * sizeof(float), found.data());
    return found;
  };
  const std::vector<float> all = product(0, kRows);
  for (const auto& [first, count] :
       {std::pair<std::int64_t, std::int64_t>{0, 1}, {63, 1}, {149, 1}, {60, 10}, {5, 64}}) {
    const std::vector<float> want(all.begin() + first * kOutputs, all.begin() + (first + count) * kOutputs);
    EXPECT_TRUE(bits_equal(product(first, count), want)) << first << " " << count;
  }
  double sum = 0;  // a number by hand
  for (std::int64_t k = 0; k < kColumns; ++k) sum += double{x[7 * kColumns + k]} * double{w[11 * kColumns + k]};
  EXPECT_NEAR(all[7 * kOutputs + 11], sum, GetParam() == Arithmetic::kFast ? 0.1 : 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Classes, TensorBackendTest, ::testing::Values(Arithmetic::kPortable, Arithmetic::kFast),
                         [](const auto& item) { return std::string(name_of(item.param)); });

// Batches, chunks, forks and preemption on a device, in a bounded cache, give the answers of one after the other.
TEST(TensorBackend, ServesAnEngine) {
  const RandomModel model(small_config(Architecture::kQwen2));
  const TensorBackend backend(foreign_device(), Arithmetic::kPortable);
  Executor executor(1, backend);
  const Decoder decoder(model, {.executor = &executor});
  std::vector<Request> requests;
  for (std::uint64_t i = 0; i < 6; ++i) {
    requests.push_back({.prompt = random_tokens(3 + static_cast<std::int64_t>(i * 7 % 30), 101, 50 + i / 2),
                        .sampling = {.temperature = 0, .max_tokens = 20},
                        .key = {.seed = 1, .problem = i, .sample = 0},
                        .stop_tokens = {}});
  }
  const std::uint64_t page = decoder.cache_layout().page_bytes();
  const auto alone = generate_all(decoder, executor, {.max_batch = 1, .cache_bytes = 20 * page}, requests);
  const auto together =
      generate_all(decoder, executor, {.max_batch = 4, .prefill_chunk = 16, .cache_bytes = 7 * page}, requests);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(alone[i].tokens.size(), 20u);
    EXPECT_EQ(together[i].tokens, alone[i].tokens) << i;
  }
}

// Rows rounded in place, with learned clips and a last group that is shorter, code for code as on the processor.
TEST(TensorBackend, RoundsRowsAsTheProcessorDoes) {
  constexpr std::int64_t kRows = 9, kWidth = 80;
  const TensorBackend backend(at::kCPU, Arithmetic::kPortable);
  Executor executor(1, backend), host(1);
  std::vector<float> x;
  for (std::int64_t i = 0; i < kRows * kWidth; ++i) x.push_back(std::sin(static_cast<float>(i * i)) + 0.2f);
  const std::vector<float> low{0.9f, 0.7f, 0.8f}, high{0.5f, 1.0f, 0.6f};
  for (const char* text : {"a4-token-asym", "a4-g40-asym", "a8-g32-sym", "a:fp8e4m3-g32"}) {
    const QuantFormat format = parse_quant_format(text);
    for (const bool clipped : {false, true}) {
      if (clipped && format.kind != NumberKind::kInteger) continue;
      SCOPED_TRACE(std::string(text) + (clipped ? " clipped" : ""));
      const RangeClips clips = clipped ? RangeClips{.low = low.data(), .high = high.data()} : RangeClips{};
      std::vector<float> got = x, want = x;
      quantize_dequantize_rows(got.data(), kRows, kWidth, {format, clips}, executor);
      quantize_dequantize_rows(want.data(), kRows, kWidth, {format, clips}, host);
      EXPECT_TRUE(bits_equal(got, want));
    }
  }
}

TEST(TensorBackend, RefusesWeightsAndMemoryOfOthers) {
  const TensorBackend backend(at::kCPU, Arithmetic::kPortable);
  Executor executor(1, backend), host(1);
  const std::vector<float> values(64, 1.0f);
  const PackedMatrix theirs = PackedMatrix::from_float32(values, 8, 8);
  float x[8] = {}, y[8] = {};
  EXPECT_THROW(matmul(theirs, {.x = x, .rows = 1, .x_stride = 8, .y = y, .y_stride = 8}, executor), Error);
  const PackedMatrix ours = backend.pack_float32(values, 8, 8, nullptr);
  EXPECT_THROW(matmul(ours, {.x = x, .rows = 1, .x_stride = 8, .y = y, .y_stride = 8}, host), Error);
  EXPECT_THROW(backend.pack_float32(values, 9, 8, nullptr), Error);
  QuantizedMatrix wide = round_to_nearest(values, 8, 8, parse_quant_format("w4c-sym"));
  wide.codes[3] = 16;
  EXPECT_THROW(backend.pack_quantized(wide, nullptr), Error);
}

}  // namespace
}  // namespace qreason
