// Whole models in the class of arithmetic `fast`: near the portable class, and the same bits in every split of work.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "formats/quantized_matrix.h"
#include "kernels/backend.h"
#include "kernels/cpu_backend.h"
#include "model/decoder.h"
#include "model/plan_cases.h"
#include "support/closeness.h"

namespace qreason {
namespace {

using testing::bits_equal;
using testing::model_with;
using testing::plan_cases;
using testing::PlanCase;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

#define SKIP_WITHOUT_FAST() \
  if (const std::string missing = missing_for(Arithmetic::kFast); !missing.empty()) GTEST_SKIP() << "needs " << missing

// Portable products whose inputs are off by up to 2^-8 of each number, at random. Rounding to bfloat16, whose step is
// 2^-7 of the power of two below the number, is off by no more.
class NoisyBackend : public CpuBackend {
 public:
  explicit NoisyBackend(std::uint64_t seed) : random_(seed) {}
  void multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const override {
    std::uniform_real_distribution<float> error(-0x1p-8f, 0x1p-8f);
    std::vector<float> noisy(input.x, input.x + (input.rows - 1) * input.x_stride + targets.front().w->columns());
    for (float& value : noisy) value *= 1.0f + error(random_);
    CpuBackend::multiply(targets, {.x = noisy.data(), .rows = input.rows, .x_stride = input.x_stride}, executor);
  }

 private:
  mutable std::mt19937_64 random_;
};

// The logits of 40 tokens, in steps of `step_tokens`.
std::vector<float> logits_of(const WeightSource& model, const Backend& backend, std::size_t step_tokens = 40,
                             int threads = 1) {
  Executor executor(threads, backend);
  const Decoder decoder(model, {.type = ComputeType::kBFloat16, .executor = &executor});
  const std::vector<std::int32_t> tokens = random_tokens(40, model.config().vocab_size, 5);
  SequenceCache cache(PagePool(decoder.cache_layout(), 0, backend));
  DecoderStep step;
  std::vector<float> logits, all;
  for (std::size_t first = 0; first < tokens.size(); first += step_tokens) {
    const DecoderInput input{.tokens = std::span(tokens).subspan(first, std::min(step_tokens, tokens.size() - first)),
                             .cache = &cache,
                             .logits = DecoderInput::Logits::kAll,
                             .prompt = 40};
    decoder.forward({&input, 1}, step, logits, executor);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

double norm(const std::vector<float>& a) {
  double sum = 0;
  for (const float value : a) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

double distance(std::vector<float> a, const std::vector<float>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return norm(a);
}

// A model whose linears are codes.
class QuantizedModel : public RandomModel {
 public:
  QuantizedModel(ModelConfig config, const char* format)
      : RandomModel(std::move(config)), format_(parse_quant_format(format)) {}
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = RandomModel::linear(name);
    const at::Tensor values = std::get<at::Tensor>(weight.matrix).contiguous();
    const std::span numbers(values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel()));
    weight.matrix = round_to_nearest(numbers, values.size(0), values.size(1), format_);
    return weight;
  }

 private:
  QuantFormat format_;
};

// The bound is what errors of the size that rounding may have do to the logits: the largest of four draws.
void expect_near_portable(const WeightSource& model, const std::string& name) {
  const std::vector<float> portable = logits_of(model, host_backend());
  const double got = distance(logits_of(model, cpu_backend(Arithmetic::kFast)), portable) / norm(portable);
  double bound = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    bound = std::max(bound, distance(logits_of(model, NoisyBackend(seed)), portable) / norm(portable));
  }
  std::printf("%-24s logits fast to portable: %.2e of their length, bound %.2e\n", name.c_str(), got, bound);
  EXPECT_LT(got, bound) << name;
  EXPECT_GT(got, 0.05 * bound) << name << ": hardly another arithmetic";
}

TEST(FastDecoder, LogitsAreWithinWhatRoundingTheInputsDoes) {
  SKIP_WITHOUT_FAST();
  for (const Architecture architecture : kArchitectures) {
    const ModelConfig config = small_config(architecture);
    const std::string name = std::string(facts_of(architecture).model_type) + " ";
    expect_near_portable(RandomModel(config), name + "bf16");
    for (const char* format : {"w4g16-asym", "w8c-sym", "w3g16-asym", "fp8e4m3", "mxfp4"}) {
      expect_near_portable(QuantizedModel(config, format), name + format);
    }
  }
}

class FastPlans : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FastPlans, GiveTheSameBitsInOneStepInManyAndOnEveryNumberOfThreads) {
  SKIP_WITHOUT_FAST();
  const PlanCase& one = plan_cases()[GetParam()];
  const RandomModel model = model_with(one.architecture_of(1), one.rules, one.degree, 1);
  const Backend& fast = cpu_backend(Arithmetic::kFast);
  const std::vector<float> whole = logits_of(model, fast);
  EXPECT_TRUE(bits_equal(logits_of(model, fast, 1), whole)) << one.name;
  EXPECT_TRUE(bits_equal(logits_of(model, fast, 7, 3), whole)) << one.name;
}

INSTANTIATE_TEST_SUITE_P(All, FastPlans, ::testing::Range(std::size_t{0}, plan_cases().size()), [](const auto& item) {
  std::string name = plan_cases()[item.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
});

}  // namespace
}  // namespace qreason
