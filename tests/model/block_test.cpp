// What a plan says of a block, executed: transforms, static ranges and key stages against the plain composition of
// naive_decoder.h; shards of row-parallel linears against products of their own, bit for bit.
#include "model/block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/error.h"
#include "kernels/matmul.h"
#include "model/decoder.h"
#include "model/naive_decoder.h"
#include "support/closeness.h"
#include "support/random_model.h"

namespace qreason {
namespace {
using testing::bits_equal;
using ::testing::HasSubstr;
using testing::NaiveDecoder;
using testing::random_tokens;
using testing::RandomModel;
using testing::small_config;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

at::Tensor random_tensor(std::vector<std::int64_t> shape, std::mt19937_64& random) {
  const at::Tensor values = at::empty(shape, at::kFloat);
  std::normal_distribution<double> normal;
  for (float& value : std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()))) {
    value = static_cast<float>(normal(random));
  }
  return values;
}

// Random matrices for all of a plan's transforms; scales that 8-bit keys of the random model need.
void add_plan_tensors(RandomModel& model, const ModelPlan& plan, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (const PlanTensor& tensor : plan_tensors(model.config(), plan)) {
    at::Tensor values = random_tensor(tensor.shape, random);
    if (tensor.name.ends_with(kStaticScale)) values = values.abs() * 0.01 + 0.03;
    if (tensor.name.ends_with(kStaticZero)) values = (values * 10 + 128).round();
    if (!tensor.name.ends_with(kStaticScale) && !tensor.name.ends_with(kStaticZero)) {
      values = values / std::sqrt(static_cast<double>(tensor.shape.back()));
    }
    model.set_tensor(tensor.name, values);
  }
  model.set_plan(plan);
}

ModelPlan plan_of(const ModelConfig& config, const std::vector<const char*>& rules, int degree = 1) {
  ModelPlan plan = uniform_plan(config.layers, {}, degree);
  for (const char* rule : rules) apply_rule(plan, rule, "test");
  return plan;
}

std::vector<float> logits_of(const RandomModel& model, int threads = 2) {
  Executor executor(threads);
  Decoder decoder(model, {.type = ComputeType::kFloat32});
  const auto tokens = random_tokens(30, model.config().vocab_size, 5);
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  DecoderStep step;
  std::vector<float> logits;
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

std::vector<double> formula_of(const RandomModel& model) {
  std::vector<double> logits;
  for (const auto& row : NaiveDecoder(model).logits(random_tokens(30, model.config().vocab_size, 5))) {
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

void expect_formula(const RandomModel& model, double tolerance) {
  const std::vector<float> got = logits_of(model);
  EXPECT_TRUE(testing::all_close(std::vector<double>(got.begin(), got.end()), formula_of(model),
                                 {.absolute = tolerance, .relative = tolerance}));
}

class Transforms : public ::testing::TestWithParam<const char*> {};

TEST_P(Transforms, AreAppliedAsTheFormulaSays) {
  RandomModel model(small_config(Architecture::kQwen2), 4);
  const std::vector<double> before = formula_of(model);
  add_plan_tensors(model, plan_of(model.config(), {GetParam()}), 8);
  expect_formula(model, 1e-4);
  EXPECT_FALSE(testing::all_close(formula_of(model), before, {.absolute = 1e-2})) << "the transform changes nothing";
}

// small_config: hidden 48, 4 heads of 12, 2 of keys and values, MLP 80.
INSTANTIATE_TEST_SUITE_P(All, Transforms,
                         ::testing::Values("attn_in = hadamard16", "attn_in = hadamard48/3", "attn_in = kronecker6x8",
                                           "attn_out = across4x12", "attn_out = across2x12-each",
                                           "attn_out = dense12-each", "mlp_in = dense48", "mlp_in = kronecker2x3-each",
                                           "mlp_mid = hadamard80/5-each", "attn_out = hadamard4x12",
                                           "mlp_in = hadamard6/3x8", "mlp_mid = kronecker8x5-each", "value = dense12",
                                           "value = dense12-each", "value = hadamard4", "key = dense12",
                                           "key = hadamard12/3", "blocks[1].mlp_in = hadamard16", "key = dense6"),
                         [](const auto& item) {
                           std::string name = item.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

// q H (k H)^T = q k^T for orthogonal H: the logits stay, whatever computes them.
TEST(Transforms, OrthogonalOnesOfKeysLeaveTheModelAsItIs) {
  RandomModel model(small_config(Architecture::kLlama), 4);
  const std::vector<float> before = logits_of(model);
  model.set_plan(plan_of(model.config(), {"key = hadamard4"}));
  EXPECT_TRUE(testing::all_close(logits_of(model), before, {.absolute = 1e-4}));
  EXPECT_FALSE(bits_equal(logits_of(model), before));
}

TEST(Transforms, ThatAreFoldedIntoTheReadersLeaveTheModelAsItIs) {
  RandomModel model(small_config(Architecture::kLlama), 4);
  const std::vector<float> before = logits_of(model);
  const ModelPlan plan = plan_of(model.config(), {"mlp_mid = kronecker8x10", "value = dense12", "key = dense12"});
  add_plan_tensors(model, plan, 3);
  const auto orthogonal = [&](const std::string& name) {
    const at::Tensor q = std::get<0>(at::linalg_qr(model.tensor(name).to(at::kDouble)));
    model.set_tensor(name, q.to(at::kFloat).contiguous());
    return q;
  };
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer) {
    const auto name = [&](Site site, std::string_view part) { return site_tensor_name(layer, site, part); };
    // x (L kron R) W'^T = x W^T with W' = W (L kron R)
    const at::Tensor left = orthogonal(name(Site::kMlpMiddle, kTransformLeft));
    const at::Tensor right = orthogonal(name(Site::kMlpMiddle, kTransformRight));
    const std::string down = linear_name(layer, LinearSlot::kDown) + ".weight";
    model.set_tensor(down, model.tensor(down).to(at::kDouble).matmul(at::kron(left, right)).to(at::kFloat));
    const at::Tensor value = orthogonal(name(Site::kValue, kTransformRight));
    const std::string o = linear_name(layer, LinearSlot::kO) + ".weight";
    const at::Tensor heads = model.tensor(o).to(at::kDouble).reshape({-1, model.config().heads, 12});
    model.set_tensor(o, heads.matmul(value).reshape({-1, 48}).to(at::kFloat).contiguous());
    // Keys by any invertible matrix, queries by its inverse transpose.
    const at::Tensor key =
        model.tensor(name(Site::kKey, kTransformRight)).to(at::kDouble) + at::eye(12, at::kDouble) * 2;
    model.set_tensor(name(Site::kKey, kTransformRight), key.to(at::kFloat).contiguous());
    model.set_tensor(name(Site::kKey, kTransformQuery), at::linalg_inv(key).t().to(at::kFloat).contiguous());
  }
  EXPECT_TRUE(testing::all_close(logits_of(model), before, {.absolute = 1e-3}));
}

class KeyStages : public ::testing::TestWithParam<std::pair<const char*, std::uint64_t>> {};

// The seeds give models without a key so near the border between two codes that float32 and the formula's doubles part
// there (decoder_test.cpp).
TEST_P(KeyStages, QuantizeWhereTheFormulaDoes) {
  const auto [rule, seed] = GetParam();
  RandomModel model(small_config(Architecture::kQwen2), seed);
  const std::vector<double> before = formula_of(model);
  add_plan_tensors(model, plan_of(model.config(), {rule}), 8);
  expect_formula(model, 1e-4);
  EXPECT_FALSE(testing::all_close(formula_of(model), before, {.absolute = 1e-3})) << "nothing is quantized";
}

INSTANTIATE_TEST_SUITE_P(All, KeyStages,
                         ::testing::Values(std::pair{"key = k8-head-asym", 1u},
                                           std::pair{"key = k8-head-asym before-rope", 1u},
                                           std::pair{"key = k8-g6-sym before-bias", 1u},
                                           std::pair{"key = k8-channel-asym static before-rope", 1u},
                                           std::pair{"key = k8-channel-asym static before-bias", 1u},
                                           std::pair{"key = k8-channel-asym static hadamard4", 1u},
                                           std::pair{"key = k8-head-asym hadamard4 before-bias", 1u},
                                           std::pair{"value = v8-head-sym dense12", 1u}));

TEST(KeyStages, DifferFromEachOther) {
  const auto logits = [](const char* rule) {
    RandomModel model(small_config(Architecture::kQwen2), 1);
    add_plan_tensors(model, plan_of(model.config(), {rule}), 8);
    return formula_of(model);
  };
  const auto after = logits("key = k4-head-asym"), before = logits("key = k4-head-asym before-rope"),
             bare = logits("key = k4-head-asym before-bias");
  EXPECT_FALSE(testing::all_close(after, before, {.absolute = 1e-2}));
  EXPECT_FALSE(testing::all_close(before, bare, {.absolute = 1e-2}));
}

TEST(PlanTensors, AreRefusedWithTheirNameWhereTheyAreWrong) {
  const auto with = [](const char* rule, const char* part, const at::Tensor& tensor) {
    RandomModel model(small_config(Architecture::kQwen2), 1);
    const ModelPlan plan = plan_of(model.config(), {rule});
    add_plan_tensors(model, plan, 8);
    const std::string name = std::string("model.layers.0.") + part;
    model.set_tensor(name, tensor);
    const std::string place = name.substr(0, name.rfind('.'));
    RopeTable rope(model.config());
    const std::string message = error_of([&] { Block(model, 0, rope, ComputeType::kFloat32); });
    if (message != "no error") {
      EXPECT_THAT(message, HasSubstr(place));
    }
    return message;
  };
  const char* dense = "value = dense12";
  EXPECT_EQ(with(dense, "value.transform.right", at::eye(12)), "no error");
  EXPECT_THAT(with(dense, "value.transform.right", at::eye(11)), HasSubstr("[11, 11]"));
  EXPECT_THAT(with(dense, "value.transform.right", at::eye(12, at::kDouble)), HasSubstr("Double"));
  EXPECT_THAT(with(dense, "value.transform.right", at::eye(12) * std::numeric_limits<float>::infinity()),
              HasSubstr("at"));
  EXPECT_THAT(with("value = dense12-each", "value.transform.right", at::eye(12)), HasSubstr("Float [2, 12, 12]"));
  EXPECT_THAT(with("value = dense12-each", "value.transform.right", at::eye(12).repeat({3, 1, 1})),
              HasSubstr("[3, 12, 12]"));
  const char* keys = "key = k8-channel-asym static";
  EXPECT_EQ(with(keys, "key.static.scale", at::ones({24})), "no error");
  EXPECT_THAT(with(keys, "key.static.scale", at::ones({12})), HasSubstr("Float [24]"));
  EXPECT_THAT(with(keys, "key.static.scale", at::zeros({24})), HasSubstr("scale 0 at 0"));
  EXPECT_THAT(with(keys, "key.static.zero", at::ones({24}) * 0.5), HasSubstr("whole"));
  EXPECT_THAT(with("key = k8-channel-sym static", "key.static.zero", at::ones({24})), HasSubstr("symmetric"));
}

// h += ((p0 + bias) + p1) + ..., each p a product of its own shard, as the process of that rank computes it.
std::vector<float> sum_of_shards(const at::Tensor& weight, const std::vector<float>& bias, const std::vector<float>& x,
                                 std::int64_t rows, int degree, std::vector<float> h) {
  Executor executor(1);
  const std::int64_t out = weight.size(0), in = weight.size(1), width = in / degree;
  std::vector<float> sum;
  for (int rank = 0; rank < degree; ++rank) {
    const at::Tensor part = weight.narrow(1, rank * width, width).contiguous();
    const PackedMatrix packed =
        PackedMatrix::from_float32({part.const_data_ptr<float>(), static_cast<std::size_t>(part.numel())}, out, width);
    std::vector<float> own, product(static_cast<std::size_t>(rows * out));
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto begin = x.begin() + row * in + rank * width;
      own.insert(own.end(), begin, begin + width);
    }
    matmul(packed,
           {.x = own.data(),
            .rows = rows,
            .x_stride = width,
            .bias = rank == 0 && !bias.empty() ? bias.data() : nullptr,
            .y = product.data(),
            .y_stride = out},
           executor);
    if (rank == 0) sum.assign(product.size(), 0);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = rank == 0 ? product[i] : sum[i] + product[i];
  }
  for (std::size_t i = 0; i < h.size(); ++i) h[i] += sum[i];
  return h;
}

TEST(RowParallelSums, AreShardsInRankOrderOnOneProcessAsOnMany) {
  ModelConfig config = small_config(Architecture::kLlama);
  config.intermediate_size = 1200;  // shards of 600 and 300: blocks of 256 of their own
  config.mlp_bias = true;
  for (const int degree : {1, 2, 4}) {
    RandomModel model(config, 6);
    model.set_plan(uniform_plan(config.layers, {}, degree));
    RopeTable rope(config);
    Block block(model, 1, rope, ComputeType::kFloat32);
    const std::string name = linear_name(1, LinearSlot::kDown);
    const at::Tensor bias_tensor = model.tensor(name + ".bias");
    const std::vector<float> bias(bias_tensor.data_ptr<float>(), bias_tensor.data_ptr<float>() + 48);
    std::mt19937_64 random(degree);
    std::normal_distribution<float> normal;
    for (const std::int64_t rows : {1, 3, 40}) {
      std::vector<float> x(static_cast<std::size_t>(rows * 1200)), h(static_cast<std::size_t>(rows * 48));
      for (float& value : x) value = normal(random);
      for (float& value : h) value = normal(random);
      const auto run = [&](int threads) {
        Executor executor(threads);
        std::vector<float> out = h;
        block.add_mlp(out.data(), x.data(), rows, executor);
        return out;
      };
      const std::vector<float> want = sum_of_shards(model.tensor(name + ".weight"), bias, x, rows, degree, h);
      EXPECT_TRUE(bits_equal(run(1), want)) << degree << " shards, " << rows << " rows";
      EXPECT_TRUE(bits_equal(run(2), want));
      if (degree > 1) {
        EXPECT_FALSE(bits_equal(run(1), sum_of_shards(model.tensor(name + ".weight"), bias, x, rows, 1, h)));
      }
    }
  }
}

class QuantizedShards : public ::testing::TestWithParam<const char*> {};

// Groups within shards, groups that a cut goes through (80 columns: shards of 40 and 20), one a row, a group index.
TEST_P(QuantizedShards, EqualTheirDecodedNumbers) {
  const ModelConfig config = small_config(Architecture::kLlama);
  RandomModel model(config, 6);
  std::mt19937_64 random(2);
  const at::Tensor dense = random_tensor({48, 80}, random), x_tensor = random_tensor({5, 80}, random);
  QuantizedMatrix matrix = round_to_nearest({dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel())}, 48, 80,
                                            parse_quant_format(GetParam()));
  const std::vector<float> x(x_tensor.data_ptr<float>(), x_tensor.data_ptr<float>() + 400), h(5 * 48, 0.25f);
  for (const bool shuffled : {false, true}) {
    if (shuffled) {
      for (std::int32_t column = 0; column < 80; ++column) {
        matrix.group_index.push_back(static_cast<std::int32_t>((column * 7) % matrix.groups));
      }
    }
    const LinearWeight weight{.matrix = matrix, .bias = {}};
    for (const int degree : {2, 4}) {
      model.set_plan(uniform_plan(config.layers, {}, degree));
      RopeTable rope(config);
      Block block(model, 0, rope, ComputeType::kFloat32);
      block.replace(LinearSlot::kDown, weight);
      Executor executor(2);
      std::vector<float> out = h;
      block.add_mlp(out.data(), x.data(), 5, executor);
      EXPECT_TRUE(bits_equal(out, sum_of_shards(weight.dense_float32(), {}, x, 5, degree, h))) << degree;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantizedShards,
                         ::testing::Values("w4c-sym", "w4g20-asym", "w4g40-sym", "w3g16-asym", "w8g32-asym", "fp8e4m3"),
                         [](const auto& item) {
                           std::string name = item.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace qreason
