#include "quantize/passes/flatquant_settings.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/safetensors.h"
#include "quantize/passes/weight_formats.h"

namespace qreason {
namespace {

constexpr const char* kShuffled = "shuffled";
constexpr const char* kSequential = "sequential";
constexpr std::uint64_t kOrderSeed = 0;

[[noreturn]] void fail(const std::string& parameter, const std::string& got, const std::string& expected) {
  throw Error::usage(fmt::format("{}: {}", kRoundFlatQuant, parameter), got, expected);
}

void check_integers(const std::optional<QuantFormat>& format, Role role, Granularity granularity, const char* parameter,
                    const char* example) {
  if (!format) return;
  const bool plain = format->kind == NumberKind::kInteger && format->granularity == granularity &&
                     format->search == RangeSearch::kNone && format->clip_ratio == 1 &&
                     format->scale_type == ScaleType::kFloat32;
  const RangeRule rule = role == Role::kWeight ? RangeRule::kZeroRange : RangeRule::kTokenRange;
  if (format->role != role || !plain || format->rule != rule) fail(parameter, to_string(*format), example);
}

void check_positive(double value, const char* parameter) {
  if (!(value > 0) || !std::isfinite(value)) fail(parameter, fmt::format("{}", value), "a positive number");
}

// "last" and "0, 5" as rules of blocks.
TextList skip_rules(const std::string& blocks) {
  if (blocks.empty()) return {};
  if (blocks == "last") return {"blocks[-1] = float"};
  std::string rule;
  for (std::size_t begin = 0; begin <= blocks.size();) {
    const std::size_t end = std::min(blocks.find(',', begin), blocks.size());
    rule += fmt::format("{}blocks[{}]", rule.empty() ? "" : ", ", blocks.substr(begin, end - begin));
    begin = end + 1;
  }
  return {rule + " = float"};
}

OnlineTransform kronecker(KroneckerSizes sizes) {
  return {.kind = TransformKind::kKronecker, .left = sizes.left, .right = sizes.right};
}

void put_site(BlockPlan& block, Site site, const std::optional<QuantFormat>& format,
              const std::optional<OnlineTransform>& transform) {
  block.at(site) = {
      .format = format, .transform = transform, .clip = format ? ClipSource::kLearned : ClipSource::kFormat};
}

void add_sites(const FlatQuantSettings& settings, const ModelConfig& config, int degree, BlockPlan& block) {
  const FlatShape shape = flat_shape(config, degree);
  const auto of_shards = [&](Site site, OnlineTransform transform) {
    std::optional<QuantFormat> format = settings.activations;
    if (format) format = sharded(*format, site_width(config, site), degree);
    if (degree > 1) transform.matrices = RunMatrices::kOwn;
    put_site(block, site, format, transform);
  };
  put_site(block, Site::kAttentionInput, settings.activations, kronecker(shape.hidden));
  put_site(block, Site::kMlpInput, settings.activations, kronecker(shape.hidden));
  of_shards(Site::kAttentionOutput,
            {.kind = TransformKind::kAcross, .left = shape.shard_heads, .right = shape.head_dim});
  of_shards(Site::kMlpMiddle, kronecker(shape.middle));
  put_site(block, Site::kKey, settings.keys, OnlineTransform{.kind = TransformKind::kDense, .right = shape.head_dim});
  put_site(block, Site::kValue, settings.values, std::nullopt);
}

}  // namespace

void check(const FlatQuantSettings& settings) {
  check_integers(settings.weights, Role::kWeight, Granularity::kChannel, "weights", "integers such as w4c-sym");
  if (settings.weights.symmetry != Symmetry::kSymmetric) fail("weights", to_string(settings.weights), "w4c-sym");
  check_integers(settings.activations, Role::kActivation, Granularity::kToken, "activations", "a4-token-asym");
  check_integers(settings.keys, Role::kKey, Granularity::kHead, "keys", "k4-head-asym");
  check_integers(settings.values, Role::kValue, Granularity::kHead, "values", "v4-head-asym");
  const TrainingOptions& training = settings.training;
  if (training.epochs < 0 || training.epochs > 100'000) {
    fail("epochs", fmt::format("{}", training.epochs), "0 to 100000");
  }
  if (training.epochs == 0 && settings.initial_state.empty()) fail("epochs", "0", "at least 1 without initial_state");
  if (training.batch_size < 1) fail("batch_size", fmt::format("{}", training.batch_size), "at least 1");
  const std::string& order = settings.batch_order;
  if (order != kShuffled && order != kSequential && !order.ends_with(".safetensors")) {
    fail("batch_order", order, "shuffled, sequential or a .safetensors file");
  }
  check_positive(training.learning_rate, "learning_rate");
  check_positive(training.clip_learning_rate, "clip_learning_rate");
}

void read_training_parameters(ParameterReader& parameters, FlatQuantSettings& settings) {
  TrainingOptions& training = settings.training;
  training.epochs = parameters.integer("epochs", training.epochs);
  training.batch_size = parameters.integer("batch_size", training.batch_size);
  training.learning_rate = parameters.number("learning_rate", training.learning_rate);
  training.clip_learning_rate = parameters.number("clip_learning_rate", training.clip_learning_rate);
  const std::string how = parameters.choice("parametrization", "inverse", {"inverse", "svd"});
  settings.parametrization = how == "svd" ? Parametrization::kSvd : Parametrization::kInverse;
  const std::string inputs = parameters.choice("learn_on", "float", {"float", "rounded"});
  settings.inputs = inputs == "float" ? FlatQuantSettings::Inputs::kFloat : FlatQuantSettings::Inputs::kRounded;
  settings.batch_order = parameters.text("batch_order", settings.batch_order);
  settings.initial_state = parameters.text("initial_state", settings.initial_state);
  settings.skip_blocks = parameters.text_or_number("skip_blocks", settings.skip_blocks);
}

FlatQuantSettings read_flatquant_settings(ParameterReader& parameters) {
  FlatQuantSettings settings{.weights = read_format(parameters, "weights")};
  settings.activations = read_format_if(parameters, "activations");
  settings.keys = read_format_if(parameters, "keys");
  settings.values = read_format_if(parameters, "values");
  read_training_parameters(parameters, settings);
  return settings;
}

ParameterMap parameters_of(const FlatQuantSettings& settings) {
  const TrainingOptions& training = settings.training;
  ParameterMap parameters{
      {"weights", to_string(settings.weights)},
      {"epochs", training.epochs},
      {"batch_size", training.batch_size},
      {"learning_rate", training.learning_rate},
      {"clip_learning_rate", training.clip_learning_rate},
      {"parametrization", std::string(settings.parametrization == Parametrization::kSvd ? "svd" : "inverse")},
      {"learn_on", std::string(settings.inputs == FlatQuantSettings::Inputs::kFloat ? "float" : "rounded")},
      {"batch_order", settings.batch_order}};
  if (settings.activations) parameters["activations"] = to_string(*settings.activations);
  if (settings.keys) parameters["keys"] = to_string(*settings.keys);
  if (settings.values) parameters["values"] = to_string(*settings.values);
  if (!settings.initial_state.empty()) parameters["initial_state"] = settings.initial_state;
  if (!settings.skip_blocks.empty()) parameters["skip_blocks"] = settings.skip_blocks;
  return parameters;
}

std::vector<std::string> files_of(const FlatQuantSettings& settings) {
  std::vector<std::string> files;
  if (settings.batch_order != kShuffled && settings.batch_order != kSequential) files.push_back(settings.batch_order);
  if (!settings.initial_state.empty()) files.push_back(settings.initial_state);
  return files;
}

void add_flatquant_plan(const FlatQuantSettings& settings, const ModelConfig& config, ModelPlan& plan) {
  const WeightRounding rounding{.format = settings.weights, .rules = skip_rules(settings.skip_blocks)};
  add_weight_formats(config, rounding, kRoundFlatQuant, plan);
  for (BlockPlan& block : plan.blocks) {
    if (!block.weights.empty()) add_sites(settings, config, plan.tensor_parallel, block);
  }
}

BatchOrder batch_order(const FlatQuantSettings& settings, std::int64_t sequences) {
  std::vector<std::int64_t> ascending(static_cast<std::size_t>(sequences));
  std::iota(ascending.begin(), ascending.end(), 0);
  BatchOrder order(static_cast<std::size_t>(settings.training.epochs), ascending);
  if (settings.batch_order == kSequential) return order;
  if (settings.batch_order == kShuffled) {
    NumpyGenerator generator(kOrderSeed);
    for (std::vector<std::int64_t>& epoch : order) epoch = generator.permutation(sequences);
    return order;
  }
  const SafetensorsFile file(settings.batch_order);
  const std::vector<std::int64_t> shape{settings.training.epochs, sequences};
  if (file.entry("order").shape != shape) {
    throw Error(settings.batch_order, fmt::format("order of shape [{}]", fmt::join(file.entry("order").shape, ", ")),
                fmt::format("int32 [{}], epochs and samples", fmt::join(shape, ", ")));
  }
  const std::vector<std::int32_t> given = file.read_i32("order");
  for (std::size_t epoch = 0; epoch < order.size(); ++epoch) {
    const auto first = given.begin() + static_cast<std::ptrdiff_t>(epoch) * sequences;
    order[epoch].assign(first, first + sequences);
    std::vector<std::int64_t> sorted = order[epoch];
    std::sort(sorted.begin(), sorted.end());
    if (sorted != ascending) {
      throw Error(settings.batch_order, fmt::format("the order of epoch {}", epoch), "every sample once");
    }
  }
  return order;
}

void read_initial_state(const std::string& path, std::int64_t layer, FlatState& state) {
  const SafetensorsFile file(path);
  const auto read = [&](const std::string& name, at::IntArrayRef shape) {
    std::vector<float> values = file.read_f32(fmt::format("layers.{}.{}", layer, name), shape);
    return at::from_blob(values.data(), shape, at::kFloat).clone();
  };
  state.read(read);
}

}  // namespace qreason
