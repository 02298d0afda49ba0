// Whether a plan fits a model, and the tensors that it is made of.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/plan.h"

namespace qreason {
namespace {

// One place of one block; failures name it.
class PlaceCheck {
 public:
  PlaceCheck(const ModelConfig& config, int degree, std::string where)
      : config_(config), degree_(degree), where_(std::move(where)) {}

  void weight(LinearSlot slot, const QuantFormat& format) const {
    if (format.role != Role::kWeight) fail(to_string(format), "a format of weights");
    const std::int64_t columns = linear_shape(config_, slot).columns;
    if (format.granularity == Granularity::kGroup && format.group_size > columns) {
      fail(fmt::format("groups of {} in {} columns", format.group_size, columns), "groups within a row");
    }
  }

  void site(Site site, const SitePlan& plan) const {
    if (plan.format) site == Site::kKey || site == Site::kValue ? cache(site, plan) : activation(site, plan);
    if (plan.range == RangeSource::kStatic && !plan.format) fail("static parameters", "those of a format");
    if (plan.key_stage != KeyStage::kAfterRope && (site != Site::kKey || !plan.format)) {
      fail("a stage about RoPE", "one for quantized keys alone");
    }
    if (plan.key_stage == KeyStage::kBeforeBias && !config_.qkv_bias) fail("before-bias", "a model with a key bias");
    if (plan.key_stage == KeyStage::kBeforeBias && config_.query_key_norm) {
      fail("before-bias", "a model whose keys pass no norm behind their bias");
    }
    if (plan.transform) transform(site, *plan.transform);
    if (plan.clip == ClipSource::kLearned) learned_clip(plan);
  }

 private:
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const {
    throw Error::usage(where_, got, expected);
  }

  std::int64_t shards(Site site) const { return is_row_parallel(site) ? degree_ : 1; }

  void activation(Site site, const SitePlan& plan) const {
    const QuantFormat& format = *plan.format;
    if (format.role != Role::kActivation) fail(to_string(format), "a format of activations");
    const bool is_static = plan.range == RangeSource::kStatic;
    if (is_static && format.granularity == Granularity::kTensor) return;
    if (is_static && format.scale_type != ScaleType::kE4M3) {
      fail(to_string(format) + " static", "a format per tensor, a8-tensor-asym, or a:nvfp4");
    }
    const std::int64_t width = site_width(config_, site) / shards(site);
    if (format.granularity == Granularity::kToken && shards(site) == 1) return;
    if (format.granularity != Granularity::kTokenGroup) {
      fail(to_string(format), shards(site) == 1 ? "per token or per group of a token" : "groups within a shard");
    }
    if (width % format.group_size != 0) {
      fail(fmt::format("groups of {} in {} values", format.group_size, width),
           shards(site) == 1 ? "groups that divide the row" : "groups that divide a shard's part of the row");
    }
  }

  void cache(Site site, const SitePlan& plan) const {
    const QuantFormat& format = *plan.format;
    const Role own = site == Site::kKey ? Role::kKey : Role::kValue;
    if (format.role != own && format.role != Role::kKeyValue) {
      fail(to_string(format), site == Site::kKey ? "a format of keys" : "a format of values");
    }
    const bool is_static = plan.range == RangeSource::kStatic, channel = format.granularity == Granularity::kChannel;
    if (is_static != (channel || format.granularity == Granularity::kTensor)) {
      fail(to_string(format), is_static ? "a format per channel, k4-channel-asym, or per tensor for static parameters"
                                        : "one per head or token; per channel or tensor with static parameters alone");
    }
    if (format.granularity == Granularity::kTensor && plan.transform) {
      fail(to_string(*plan.transform), "none before a range that is known, per tensor");
    }
    if (channel && site != Site::kKey) fail(to_string(format), "parameters per channel for keys alone");
    if (channel && format.kind != NumberKind::kInteger) fail(to_string(format), "integers per channel");
    if (format.granularity == Granularity::kTokenGroup && config_.head_dim % format.group_size != 0) {
      fail(fmt::format("groups of {} in heads of {}", format.group_size, config_.head_dim),
           "a group size that divides the head");
    }
  }

  void learned_clip(const SitePlan& plan) const {
    if (!plan.format || plan.range == RangeSource::kStatic) fail("learned-clip", "it where a range is found online");
    const QuantFormat& format = *plan.format;
    const bool per_run = format.granularity == Granularity::kToken || format.granularity == Granularity::kHead ||
                         (format.role == Role::kActivation && format.granularity == Granularity::kTokenGroup);
    const bool plain = format.rule == RangeRule::kTokenRange && format.search == RangeSearch::kNone;
    if (format.kind != NumberKind::kInteger || !per_run || !plain || format.clip_ratio != 1) {
      fail(to_string(format) + " learned-clip", "integers under the token range, per token or head, without a clip");
    }
  }

  void transform(Site site, const OnlineTransform& transform) const {
    const bool cached = site == Site::kKey || site == Site::kValue;
    const std::int64_t width = cached ? config_.head_dim : site_width(config_, site) / shards(site);
    if (width % transform.run() != 0) {
      fail(fmt::format("{} on rows of {}", to_string(transform), width),
           cached ? "one of a size that divides the head" : "one of a size that divides the row, or a shard's part");
    }
    const bool fits = (transform.kind == TransformKind::kHadamard && transform.lanes == 1) ||
                      (transform.kind == TransformKind::kDense && transform.matrices == RunMatrices::kShared);
    if (site == Site::kKey && !fits) {
      fail(to_string(transform), "hadamard or dense for keys, shared by all heads");
    }
  }

  const ModelConfig& config_;
  int degree_;
  std::string where_;
};

void check_degree(const ModelPlan& plan, const ModelConfig& config, const std::string& where) {
  const std::int64_t degree = plan.tensor_parallel;
  const std::string inner = where + ": tensor_parallel";
  if (degree < 1) throw Error::usage(inner, fmt::format("{}", degree), "at least 1");
  if (config.heads % degree != 0) {
    throw Error::usage(inner, fmt::format("{}", degree), fmt::format("a divisor of the {} heads", config.heads));
  }
  if (config.intermediate_size % degree != 0) {
    throw Error::usage(inner, fmt::format("{}", degree),
                       fmt::format("a divisor of the intermediate size {}", config.intermediate_size));
  }
}

void check_outside(const std::optional<QuantFormat>& format, std::string_view name, const std::string& where) {
  if (format && format->role != Role::kWeight) {
    throw Error::usage(fmt::format("{}: {}", where, name), to_string(*format), "a format of weights");
  }
}

}  // namespace

void validate(const ModelPlan& plan, const ModelConfig& config, const std::string& where) {
  if (static_cast<std::int64_t>(plan.blocks.size()) != config.layers) {
    throw Error::usage(where, fmt::format("a plan of {} blocks", plan.blocks.size()),
                       fmt::format("{}, as the model has", config.layers));
  }
  check_degree(plan, config, where);
  check_outside(plan.embedding, "embedding", where);
  check_outside(plan.head, "head", where);
  if (config.tied_embeddings && plan.head) {
    throw Error::usage(where + ": head", to_string(*plan.head), "none of its own: it is tied to the embedding");
  }
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const BlockPlan& block = plan.block(layer);
    const auto check = [&](std::string_view place) {
      return PlaceCheck(config, plan.tensor_parallel, fmt::format("{}: blocks[{}].{}", where, layer, place));
    };
    for (const auto& [slot, format] : block.weights) check(name_of(slot)).weight(slot, format);
    for (const Site site : kSites) check(name_of(site)).site(site, block.at(site));
  }
}

std::string site_tensor_name(std::int64_t layer, Site site, std::string_view part) {
  return block_tensor_name(layer, fmt::format("{}.{}", name_of(site), part));
}

std::vector<PlanTensor> site_tensors(const ModelConfig& config, const SitePlan& plan, std::int64_t layer, Site site) {
  std::vector<PlanTensor> tensors;
  const auto add = [&](std::string_view part, std::vector<std::int64_t> shape) {
    tensors.push_back({site_tensor_name(layer, site, part), std::move(shape)});
  };
  if (plan.transform) {
    const OnlineTransform& transform = *plan.transform;
    const auto matrix = [&](std::int64_t size) {
      if (transform.matrices == RunMatrices::kShared) return std::vector<std::int64_t>{size, size};
      return std::vector<std::int64_t>{site_width(config, site) / transform.run(), size, size};
    };
    if (transform.left_is_tensor()) add(kTransformLeft, matrix(transform.left));
    if (transform.right_is_tensor()) add(kTransformRight, matrix(transform.right));
    if (site == Site::kKey && transform.right_is_tensor()) add(kTransformQuery, matrix(transform.right));
  }
  const bool is_static = plan.range == RangeSource::kStatic && plan.format;
  if (is_static && plan.format->scale_type == ScaleType::kE4M3) {
    add(kStaticGlobalScale, {1});
  } else if (is_static) {
    const std::int64_t count = plan.format->granularity == Granularity::kTensor ? 1 : site_width(config, site);
    add(kStaticScale, {count});
    add(kStaticZero, {count});
  }
  if (plan.clip == ClipSource::kLearned) {
    const bool grouped = plan.format->granularity == Granularity::kTokenGroup;
    const std::int64_t groups = grouped ? site_width(config, site) / plan.format->group_size : 1;
    add(kClipMin, {groups});
    add(kClipMax, {groups});
  }
  return tensors;
}

std::vector<PlanTensor> plan_tensors(const ModelConfig& config, const ModelPlan& plan) {
  std::vector<PlanTensor> tensors;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const Site site : kSites) {
      for (PlanTensor& tensor : site_tensors(config, plan.block(layer).at(site), layer, site)) {
        tensors.push_back(std::move(tensor));
      }
    }
  }
  return tensors;
}

}  // namespace qreason
