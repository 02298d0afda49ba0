#include "model/reference_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "model/hadamard.h"
#include "model/linear.h"
#include "model/tensor_quantizer.h"

namespace qreason {
namespace {

at::Tensor placed(const at::Tensor& tensor, const ReferenceOptions& options) {
  return tensor.to(at::TensorOptions().dtype(options.type).device(options.device));
}

// As stored, or decoded.
at::Tensor matrix_of(const LinearWeight& weight) {
  return weight.quantized() ? weight.dense_float32() : std::get<at::Tensor>(weight.matrix);
}

// Sylvester's matrix over the root of the whole transform's order.
at::Tensor sylvester(std::int64_t size, std::int64_t order) {
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(size * size));
  const double one = 1 / std::sqrt(static_cast<double>(order));
  for (std::int64_t row = 0; row < size; ++row) {
    for (const std::int8_t sign : sylvester_row(size, row)) values.push_back(sign * one);
  }
  return at::tensor(values, at::kDouble).reshape({size, size});
}

// (a, b) -> (a cos - b sin, b cos + a sin), b half a head after a.
at::Tensor rotated(const at::Tensor& rows, std::int64_t head_dim, const ReferenceAngles& angles) {
  const at::Tensor heads = rows.unflatten(-1, {rows.size(-1) / head_dim, head_dim});
  const at::Tensor a = heads.narrow(-1, 0, head_dim / 2), b = heads.narrow(-1, head_dim / 2, head_dim / 2);
  const at::Tensor cosine = angles.cosine.unsqueeze(-2), sine = angles.sine.unsqueeze(-2);
  return at::cat({a * cosine - b * sine, b * cosine + a * sine}, -1).flatten(-2);
}

// [sequences, length, heads * head_dim] -> [sequences, heads, length, head_dim]
at::Tensor by_head(const at::Tensor& rows, std::int64_t head_dim) {
  return rows.unflatten(-1, {rows.size(-1) / head_dim, head_dim}).transpose(-2, -3);
}

at::Tensor normalized(const at::Tensor& h, const at::Tensor& gain, double epsilon) {
  return h * at::rsqrt((h * h).mean(-1, true) + epsilon) * gain;
}

}  // namespace

ReferenceAngles reference_angles(const RopeTable& rope, const ModelConfig& config, std::int64_t length,
                                 const ReferenceOptions& options) {
  const RopeSpan span{.first = 0, .count = length, .prompt = length};
  RopeStep step;
  rope.prepare({&span, 1}, step);
  step.gather();
  const std::int64_t half = config.head_dim / 2;
  const auto tensor = [&](const float* rows) {
    return placed(at::tensor(at::ArrayRef(rows, static_cast<std::size_t>(length * half)), at::kFloat), options)
        .reshape({length, half});
  };
  return {tensor(step.cosine()), tensor(step.sine())};
}

at::Tensor unseen_keys(std::int64_t length, std::int64_t window, at::Device device) {
  const at::Tensor all = at::ones({length, length}, at::TensorOptions().dtype(at::kBool).device(device));
  const at::Tensor later = all.triu(1);
  return window == 0 ? later : later.logical_or(all.tril(-window));
}

ReferenceBlock::ReferenceBlock(const WeightSource& source, std::int64_t layer, const ReferenceOptions& options)
    : config_(source.config()),
      window_(attention_window(config_, layer)),
      plan_(source.plan().block(layer)),
      quantizers_(options.quantizers),
      degree_(source.plan().tensor_parallel) {
  for (const LinearSlot slot : kLinearSlots) {
    const LinearWeight loaded = source.linear(linear_name(layer, slot));
    if (options.matrices == LinearMatrices::kLoaded) weight(slot) = placed(matrix_of(loaded), options);
    if (loaded.bias) bias(slot) = placed(*loaded.bias, options);
  }
  for (const BlockNorm norm : block_norms(config_)) {
    gain(norm) = placed(source.tensor(block_tensor_name(layer, name_of(norm))), options);
  }
  for (const Site site : kSites) {
    SiteTensors& own = sites_[static_cast<std::size_t>(site)];
    for (const PlanTensor& named : site_tensors(config_, plan_.at(site), layer, site)) {
      const at::Tensor values =
          placed(at::tensor(plan_values(source, named), at::kFloat).reshape(named.shape), options);
      const auto is = [&](std::string_view part) { return named.name == site_tensor_name(layer, site, part); };
      if (is(kTransformLeft)) own.left = values;
      if (is(kTransformRight)) own.right = values;
      if (is(kTransformQuery)) own.query = values;
      if (is(kStaticScale)) own.scale = values;
      if (is(kStaticZero)) own.zero = values;
      if (is(kStaticGlobalScale)) own.global_scale = plan_values(source, named).front();
      if (is(kClipMin)) own.clip_low = values;
      if (is(kClipMax)) own.clip_high = values;
    }
    const auto& transform = plan_.at(site).transform;
    if (transform && transform->kind == TransformKind::kHadamard) {
      own.right = own.query = placed(sylvester(transform->right, transform->left * transform->right), options);
    }
  }
}

at::Tensor ReferenceBlock::product(LinearSlot slot, const at::Tensor& x, const std::optional<at::Tensor>& bias) const {
  if (product_) return bias ? product_(slot, x) + *bias : product_(slot, x);
  const at::Tensor& matrix = weights_[static_cast<std::size_t>(slot)];
  const int shards = is_row_parallel(slot) ? degree_ : 1;
  const std::int64_t width = matrix.size(1) / shards;
  at::Tensor sum;
  for (int rank = 0; rank < shards; ++rank) {
    const at::Tensor rows = x.narrow(-1, rank * width, width), weights = matrix.narrow(1, rank * width, width);
    const at::Tensor part = at::matmul(rows, weights.t());
    sum = rank == 0 ? (bias ? part + *bias : part) : sum + part;
  }
  return sum;
}

at::Tensor ReferenceBlock::normed(BlockNorm norm, const at::Tensor& rows) const {
  return normalized(rows, gain(norm), static_cast<float>(config_.rms_norm_epsilon));
}

at::Tensor ReferenceBlock::normed_heads(BlockNorm norm, const at::Tensor& rows) const {
  if (!config_.query_key_norm) return rows;
  return normed(norm, rows.unflatten(-1, {rows.size(-1) / config_.head_dim, config_.head_dim})).flatten(-2);
}

at::Tensor ReferenceBlock::transformed(Site site, const at::Tensor& x, const std::optional<at::Tensor>& right) const {
  const auto& transform = plan_.at(site).transform;
  if (!transform) return x;
  const auto& left = tensors(site).left;
  const std::int64_t count = x.size(-1) / transform->run(), lanes = transform->lanes;
  at::Tensor runs = x.unflatten(-1, {count, transform->left, transform->right * lanes});
  if (right && lanes == 1) runs = at::matmul(runs, *right);
  if (right && lanes > 1) {
    runs = at::matmul(right->t(), runs.unflatten(-1, {transform->right, lanes})).flatten(-2);
  }
  if (left) runs = at::matmul(left->transpose(-1, -2), runs);
  return runs.flatten(-3);
}

at::Tensor ReferenceBlock::finished(Site site, const at::Tensor& x) const {
  const at::Tensor rows = transformed(site, x, tensors(site).right);
  const auto& format = plan_.at(site).format;
  if (!format || quantizers_ == Quantizers::kOff) return rows;
  if (const SiteTensors& own = tensors(site); own.scale)
    return quantize_dequantize(rows, *format, *own.scale, *own.zero);
  const bool grouped = format->granularity == Granularity::kTokenGroup;
  return quantized_runs(site, rows, grouped ? format->group_size : rows.size(-1));
}

at::Tensor ReferenceBlock::quantized_cache(Site site, const at::Tensor& rows) const {
  const QuantFormat& format = *plan_.at(site).format;
  if (const SiteTensors& own = tensors(site); own.scale)
    return quantize_dequantize(rows, format, *own.scale, *own.zero);
  const bool by_head = format.granularity == Granularity::kHead;
  const bool grouped = format.granularity == Granularity::kTokenGroup;
  return quantized_runs(site, rows, by_head ? config_.head_dim : grouped ? format.group_size : rows.size(-1));
}

at::Tensor ReferenceBlock::quantized_runs(Site site, const at::Tensor& rows, std::int64_t run) const {
  const QuantFormat& format = *plan_.at(site).format;
  const SiteTensors& own = tensors(site);
  if (!own.clip_low) return quantize_dequantize(rows, format, run, own.global_scale);
  return quantize_dequantize(rows, format, run, {.low = *own.clip_low, .high = *own.clip_high});
}

at::Tensor ReferenceBlock::quantized_keys(KeyStage stage, const at::Tensor& keys) const {
  const SitePlan& plan = plan_.at(Site::kKey);
  if (!plan.format || quantizers_ == Quantizers::kOff || plan.key_stage != stage) return keys;
  return quantized_cache(Site::kKey, keys);
}

at::Tensor ReferenceBlock::attention_input(const at::Tensor& h) const {
  return finished(Site::kAttentionInput, normed(BlockNorm::kInput, h));
}

ReferenceBlock::Projections ReferenceBlock::project(const at::Tensor& x) const {
  const bool bare = plan_.at(Site::kKey).key_stage == KeyStage::kBeforeBias;
  return {normed_heads(BlockNorm::kQuery, linear(LinearSlot::kQ, x)),
          normed_heads(BlockNorm::kKey, product(LinearSlot::kK, x, bare ? std::nullopt : bias(LinearSlot::kK))),
          linear(LinearSlot::kV, x)};
}

ReferenceBlock::Projections ReferenceBlock::position(const Projections& projected,
                                                     const ReferenceAngles& angles) const {
  at::Tensor keys = quantized_keys(KeyStage::kBeforeBias, projected.keys);
  const auto& key_bias = bias(LinearSlot::kK);
  if (plan_.at(Site::kKey).key_stage == KeyStage::kBeforeBias && key_bias) keys = keys + *key_bias;
  keys = rotated(quantized_keys(KeyStage::kBeforeRope, keys), config_.head_dim, angles);
  const SiteTensors& own = tensors(Site::kKey);
  keys = quantized_keys(KeyStage::kAfterRope, transformed(Site::kKey, keys, own.right));
  const at::Tensor queries = transformed(Site::kKey, rotated(projected.queries, config_.head_dim, angles), own.query);
  at::Tensor values = transformed(Site::kValue, projected.values, tensors(Site::kValue).right);
  if (plan_.at(Site::kValue).format && quantizers_ == Quantizers::kOn) values = quantized_cache(Site::kValue, values);
  return {queries, keys, values};
}

at::Tensor ReferenceBlock::attention(const Projections& positioned) const {
  const std::int64_t length = positioned.queries.size(-2), group = config_.heads / config_.kv_heads;
  const at::Tensor queries = by_head(positioned.queries, config_.head_dim);
  const at::Tensor keys = by_head(positioned.keys, config_.head_dim).repeat_interleave(group, -3);
  const at::Tensor values = by_head(positioned.values, config_.head_dim).repeat_interleave(group, -3);
  const double scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config_.head_dim)));
  const at::Tensor scores =
      (at::matmul(queries, keys.transpose(-1, -2)) * scale)
          .masked_fill(unseen_keys(length, window_, queries.device()), -std::numeric_limits<double>::infinity());
  const at::Tensor out = at::matmul(at::softmax(scores, -1), values).transpose(-2, -3).flatten(-2);
  return finished(Site::kAttentionOutput, out);
}

at::Tensor ReferenceBlock::add_attention(const at::Tensor& h, const at::Tensor& a) const {
  return h + linear(LinearSlot::kO, a);
}

at::Tensor ReferenceBlock::mlp_input(const at::Tensor& h) const {
  return finished(Site::kMlpInput, normed(BlockNorm::kPost, h));
}

at::Tensor ReferenceBlock::mlp_middle(const at::Tensor& m) const {
  return finished(Site::kMlpMiddle, at::silu(linear(LinearSlot::kGate, m)) * linear(LinearSlot::kUp, m));
}

at::Tensor ReferenceBlock::add_mlp(const at::Tensor& h, const at::Tensor& u) const {
  return h + linear(LinearSlot::kDown, u);
}

at::Tensor ReferenceBlock::forward(const at::Tensor& h, const ReferenceAngles& angles) const {
  const at::Tensor joined = add_attention(h, attention(position(project(attention_input(h)), angles)));
  return add_mlp(joined, mlp_middle(mlp_input(joined)));
}

at::Tensor reference_logits(const WeightSource& source, const at::Tensor& tokens, const ReferenceOptions& options) {
  const ModelConfig& config = source.config();
  validate(source.plan(), config, "plan");
  if (tokens.dim() != 2 || tokens.scalar_type() != at::kLong) {
    throw Error("reference_logits", fmt::format("tokens of {} dimensions", tokens.dim()), "int64 [sequences, length]");
  }
  const at::Tensor embedding = placed(
      source.plan().embedding ? matrix_of(source.linear(kEmbeddingLinear)) : source.tensor(kEmbeddingName), options);
  const RopeTable rope(config);
  const ReferenceAngles angles = reference_angles(rope, config, tokens.size(1), options);
  at::Tensor h = at::embedding(embedding, tokens.to(options.device));
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    h = ReferenceBlock(source, layer, options).forward(h, angles);
  }
  h = normalized(h, placed(source.tensor(kFinalNormName), options), static_cast<float>(config.rms_norm_epsilon));
  const at::Tensor head = config.tied_embeddings ? embedding : placed(matrix_of(source.linear(kHeadName)), options);
  return at::matmul(h, head.t());
}

}  // namespace qreason
