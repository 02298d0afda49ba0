// Exact passes that add online transforms: the function stays, rounding sees the transformed rows, and the checkpoint
// has the transforms and executes them.
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "cli/native_sink.h"
#include "model/decoder.h"
#include "quantize/checkpoint_size.h"
#include "quantize/memory_sink.h"
#include "quantize/passes/fold_norms.h"
#include "quantize/runner.h"
#include "support/fixtures.h"
#include "support/random_model.h"

namespace qreason {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Killed {};

// An orthogonal matrix that is not symmetric, in double: a cyclic shift of Householder's I - 2 v v^T / |v|^2.
at::Tensor orthogonal(std::int64_t size) {
  at::Tensor v = at::empty({size}, at::kDouble);
  for (std::int64_t i = 0; i < size; ++i) v.data_ptr<double>()[i] = 1 + 0.3 * static_cast<double>(i);
  const at::Tensor reflection = at::eye(size, at::kDouble).sub(v.outer(v).mul(2).div(v.dot(v)));
  return reflection.roll({1}, {0});
}

at::Tensor sylvester(std::int64_t size) {
  at::Tensor h = at::ones({1, 1}, at::kDouble);
  for (std::int64_t n = 1; n < size; n *= 2)
    h = at::kron(at::tensor({1.0, 1.0, 1.0, -1.0}, at::kDouble).reshape({2, 2}), h);
  return h.div(std::sqrt(static_cast<double>(size)));
}

// x of mlp_mid becomes x T while the model runs, and down reads it as W T, T being orthogonal.
class TransformedDown : public WeightSource {
 public:
  TransformedDown(const WeightSource& source, const OnlineTransform& transform)
      : source_(source), plan_(source.plan()), left_(at::ones({1, 1}, at::kDouble)) {
    for (BlockPlan& block : plan_.blocks) block.at(Site::kMlpMiddle).transform = transform;
    // L L^T = left I, rounded to float32 as the decoder will have it.
    const double root = std::sqrt(static_cast<double>(transform.left));
    if (transform.left_is_tensor()) left_ = orthogonal(transform.left).mul(root).to(at::kFloat).to(at::kDouble);
    run_ = at::kron(left_, sylvester(transform.right)).div(root);
  }
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = source_.linear(name);
    if (!name.ends_with(name_of(LinearSlot::kDown))) return weight;
    const at::Tensor dense = weight.dense_float32().to(at::kDouble);
    weight.matrix = at::matmul(dense.reshape({dense.size(0), -1, run_.size(0)}), run_)
                        .reshape(dense.sizes())
                        .to(at::kFloat)
                        .contiguous();
    return weight;
  }
  at::Tensor tensor(const std::string& name) const override {
    return name.ends_with(kTransformLeft) ? left_.to(at::kFloat) : source_.tensor(name);
  }

 private:
  const WeightSource& source_;
  ModelPlan plan_;
  at::Tensor left_, run_;
};

class TransformDown : public ExactPass {
 public:
  enum class Outline { kTold, kUntold };
  explicit TransformDown(const char* transform, Outline outline = Outline::kTold)
      : transform_(parse_online_transform(transform)), outline_(outline) {}
  std::string_view kind() const override { return "transform_down"; }
  ParameterMap parameters() const override { return {{"transform", to_string(transform_)}}; }
  void change_outline(ModelOutline& outline) const override {
    if (outline_ == Outline::kUntold) return;
    for (BlockPlan& block : outline.plan.blocks) block.at(Site::kMlpMiddle).transform = transform_;
  }
  std::unique_ptr<WeightSource> view(const WeightSource& source, const Statistics&, ThreadPool*) const override {
    return std::make_unique<TransformedDown>(source, transform_);
  }

 private:
  OnlineTransform transform_;
  Outline outline_;
};

PassPointer transform_down(const char* transform) {
  return std::make_shared<const TransformDown>(transform);
}

// The model as its plan without transforms would have it.
class Untransformed : public WeightSource {
 public:
  explicit Untransformed(const WeightSource& source) : source_(source), plan_(source.plan()) {
    for (BlockPlan& block : plan_.blocks) block.at(Site::kMlpMiddle).transform.reset();
  }
  const ModelConfig& config() const override { return source_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  LinearWeight linear(const std::string& name) const override { return source_.linear(name); }
  at::Tensor tensor(const std::string& name) const override { return source_.tensor(name); }

 private:
  const WeightSource& source_;
  ModelPlan plan_;
};

std::vector<float> logits_of(const WeightSource& source) {
  const Decoder decoder(source, {.type = ComputeType::kFloat32});
  const auto tokens = testing::random_tokens(12, source.config().vocab_size, 7);
  SequenceCache cache(PagePool(decoder.cache_layout()));
  const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
  DecoderStep step;
  std::vector<float> logits;
  Executor executor(1);
  decoder.forward({&input, 1}, step, logits, executor);
  return logits;
}

double distance(const WeightSource& got, const WeightSource& want) {
  const std::vector<float> a = logits_of(got), b = logits_of(want);
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference = std::max(difference, std::abs(double{a.at(i)} - b[i]));
    largest = std::max(largest, std::abs(double{b[i]}));
  }
  return difference / largest;
}

PassPointer pass_of_text(const std::string& text) {
  return parse_recipe("[[pass]]\n" + text, "test").passes.front();
}

class OnlineTransformPass : public ::testing::Test {
 protected:
  static Recipe recipe_of(std::vector<PassPointer> passes) {
    return {
        .name = "transforms", .calibration = CalibrationSpec{.samples = 2, .length = 24}, .passes = std::move(passes)};
  }
  void run(const Recipe& recipe, BlockSink& sink, const std::filesystem::path& folder) const {
    Executor executor(1);
    run_recipe({.source = model_,
                .recipe = recipe,
                .calibration = &calibration_,
                .sink = sink,
                .folder = folder,
                .model_identity = "random"},
               executor);
  }
  static std::string refusal(const Recipe& recipe) {
    try {
      validate(recipe, testing::small_config(Architecture::kLlama));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  const testing::RandomModel model_{testing::small_config(Architecture::kLlama), 6};
  const CalibrationSet calibration_{.description = "random",
                                    .samples = {testing::random_tokens(24, 101, 1), testing::random_tokens(9, 101, 2)}};
};

// 80 values: five Hadamard matrices of 16, or one of 5 x 16 whose factor of 5 is a tensor.
TEST_F(OnlineTransformPass, KeepsTheFunction) {
  for (const char* transform : {"hadamard16", "hadamard80/5"}) {
    SCOPED_TRACE(transform);
    const testing::ScratchFolder folder;
    testing::MemorySink sink;
    const Recipe recipe = recipe_of({transform_down(transform)});
    run(recipe, sink, folder.path());
    EXPECT_EQ(sink.plan(), validate(recipe, model_.config()));
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      EXPECT_EQ(to_string(sink.plan().block(layer).at(Site::kMlpMiddle)), "float " + std::string(transform));
    }
    const testing::SinkSource written(sink);
    EXPECT_LT(distance(written, model_), 1e-5);
    EXPECT_GT(distance(Untransformed(written), model_), 1e-2);
  }
}

// Opened again from disk, rounded, at a degree whose shards hold whole runs: as near to the float model as without the
// transform.
TEST_F(OnlineTransformPass, IsExecutedByTheCheckpointThatIsWritten) {
  const std::vector<PassPointer> rounding{pass_of_text("kind = \"set_activation_format\"\nformat = \"a8-token-asym\""),
                                          pass_of_text("kind = \"round_gptq\"\nformat = \"w8g8-asym\"")};
  ThreadPool pool(1);
  for (const auto& [transform, degree] : {std::pair("hadamard80/5", 1), std::pair("hadamard8", 2)}) {
    SCOPED_TRACE(transform);
    const testing::ScratchFolder folder;
    Recipe recipe = recipe_of({transform_down(transform), rounding[0], rounding[1]});
    recipe.tensor_parallel = degree;
    NativeSink sink(folder.path(), pool);
    run(recipe, sink, folder.path());
    const auto opened = open_checkpoint(folder.path());
    EXPECT_EQ(opened->plan(), validate(recipe, model_.config()));
    EXPECT_EQ(opened->plan().block(1).at(Site::kMlpMiddle).transform, parse_online_transform(transform));
    EXPECT_TRUE(opened->linear(linear_name(2, LinearSlot::kDown)).quantized());
    testing::MemorySink plain;
    run(recipe_of(rounding), plain, testing::ScratchFolder().path());
    EXPECT_LT(distance(*opened, model_), 1.5 * distance(testing::SinkSource(plain), model_));
    EXPECT_GT(distance(Untransformed(*opened), model_), 0.3);
  }
}

// A pass that throws once, at a block.
class Dies : public BlockPass {
 public:
  explicit Dies(int& left) : left_(&left) {}
  std::string_view kind() const override { return "dies"; }
  ParameterMap parameters() const override { return {}; }
  Propagation propagation() const override { return Propagation::kBoth; }
  BlockWork work() const override { return BlockWork::kPrepare; }
  void extend_plan(const ModelConfig&, ModelPlan&) const override {}
  void apply(BlockVisit&) const override {
    if ((*left_)-- == 0) throw Killed{};
  }

 private:
  int* left_;
};

std::string bytes_of_part(const std::filesystem::path& folder, const std::string& part) {
  std::ifstream in(folder / ("model-" + part + ".safetensors"), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A finished block is run again with the transform's tensors from its part.
TEST_F(OnlineTransformPass, IsThereAgainAfterAKill) {
  int left = -1;
  const Recipe recipe = recipe_of({transform_down("hadamard80/5"), std::make_shared<const Dies>(left),
                                   pass_of_text("kind = \"round_gptq\"\nformat = \"w3g16-asym\"")});
  ThreadPool pool(1);
  const testing::ScratchFolder whole, killed;
  NativeSink whole_sink(whole.path(), pool);
  run(recipe, whole_sink, whole.path());
  left = 2;
  {
    NativeSink sink(killed.path(), pool);
    EXPECT_THROW(run(recipe, sink, killed.path()), Killed);
  }
  left = -1;
  NativeSink sink(killed.path(), pool);
  run(recipe, sink, killed.path());
  for (std::int64_t layer = 0; layer < 3; ++layer) {
    const std::string want = bytes_of_part(whole.path(), block_part(layer));
    EXPECT_FALSE(want.empty());
    EXPECT_TRUE(bytes_of_part(killed.path(), block_part(layer)) == want) << layer;
  }
}

TEST_F(OnlineTransformPass, IsCheckedBeforeAnythingRuns) {
  EXPECT_EQ(refusal(recipe_of({transform_down("hadamard16")})), "no error");
  EXPECT_THAT(refusal(recipe_of({transform_down("hadamard32")})),
              AllOf(HasSubstr("blocks[0].mlp_mid"), HasSubstr("hadamard32 on rows of 80")));
  Recipe sharded = recipe_of({transform_down("hadamard16")});
  sharded.tensor_parallel = 2;
  EXPECT_THAT(refusal(sharded), HasSubstr("hadamard16 on rows of 40"));
  EXPECT_THAT(refusal(recipe_of({transform_down("hadamard16"), fold_norms()})),
              HasSubstr("fold_norms: a model with online transforms"));
  EXPECT_EQ(refusal(recipe_of({fold_norms(), transform_down("hadamard16")})), "no error");
}

TEST_F(OnlineTransformPass, CountsInTheSizeOfTheCheckpoint) {
  const auto bytes = [&](const char* transform) {
    const Recipe recipe = recipe_of({transform_down(transform)});
    return checkpoint_bytes(outline_after(recipe, model_.config()), validate(recipe, model_.config()));
  };
  EXPECT_GT(bytes("hadamard80/5"), bytes("hadamard16") + 3 * 25 * 4);
}

TEST_F(OnlineTransformPass, IsTheOneThatTheOutlineTells) {
  const testing::ScratchFolder folder;
  testing::MemorySink sink;
  const Recipe recipe =
      recipe_of({std::make_shared<const TransformDown>("hadamard16", TransformDown::Outline::kUntold)});
  try {
    run(recipe, sink, folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("other transforms than it told"));
  }
}

}  // namespace
}  // namespace qreason
