#include "quantize/flatquant/flat_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "quantize/flatquant/fused_quantizer.h"
#include "quantize/flatquant/kronecker_rows.h"
#include "quantize/flatquant/learned_quantizer.h"
#include "quantize/flatquant/linear_product.h"

namespace qreason {
namespace {

constexpr std::int64_t kFoldedAtOnce = 1 << 22;  // weights in float64

// x (L kron R), run by run of the last dimension.
at::Tensor times_kronecker(const at::Tensor& x, const at::Tensor& left, const at::Tensor& right) {
  const at::Tensor runs = at::matmul(x.unflatten(-1, {left.size(0), right.size(0)}), right);
  return at::matmul(left.t(), runs).flatten(-2);
}

// [sequences, length, heads * head_dim] -> [sequences, heads, length, head_dim]
at::Tensor heads_of(const at::Tensor& rows, std::int64_t head_dim) {
  return rows.unflatten(-1, {-1, head_dim}).transpose(-2, -3);
}

// Attention whose scores are never all in memory, neither for their gradients: causal, and within the window.
at::Tensor attention_of(const ReferenceBlock::Projections& found, std::int64_t head_dim, std::int64_t window) {
  const at::Tensor queries = heads_of(found.queries, head_dim);
  at::Tensor keys = heads_of(found.keys, head_dim), values = heads_of(found.values, head_dim);
  const std::int64_t group = queries.size(1) / keys.size(1);
  keys = keys.repeat_interleave(group, 1);
  values = values.repeat_interleave(group, 1);
  const double scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  const std::int64_t length = queries.size(-2);
  std::optional<at::Tensor> mask;  // added to the scores
  if (window > 0 && window < length) {
    mask = at::zeros({length, length}, queries.options().requires_grad(false))
               .masked_fill(unseen_keys(length, window, queries.device()), -std::numeric_limits<double>::infinity());
  }
  return at::scaled_dot_product_attention(queries, keys, values, mask, 0.0, !mask.has_value(), scale)
      .transpose(-2, -3)
      .flatten(-2);
}

}  // namespace

// What a step multiplies with: matrices, the inverse transposes of those on the weights' side, diagonals.
struct FlatBlock::Matrices {
  struct Kronecker {
    at::Tensor left, right, left_inverse, right_inverse, diagonal;
    Kronecker(const LearnedKronecker& learned, at::ScalarType type)
        : left(learned.left.matrix()),
          right(learned.right.matrix()),
          left_inverse(learned.left.inverse_transposed().to(type)),
          right_inverse(learned.right.inverse_transposed().to(type)),
          diagonal(learned.diagonal) {}

    at::Tensor rows(const at::Tensor& x, Executor& executor) const {
      if (!can_fuse(x)) return times_kronecker(x * diagonal, left, right);
      return kronecker_rows(x, {diagonal, left, right}, executor);
    }
    KroneckerFactors weight_factors() const {
      return {1 / diagonal.to(left_inverse.scalar_type()), left_inverse, right_inverse};
    }
  };
  Kronecker attention_input, mlp_input;
  std::vector<Kronecker> mlp_middle;
  std::vector<at::Tensor> across, across_inverse;
  at::Tensor key, key_inverse, value, value_inverse;

  // Inverses, and all else that weights are multiplied with, in the type of the weights.
  Matrices(const FlatState& state, at::ScalarType weights)
      : attention_input(state.attention_input, weights),
        mlp_input(state.mlp_input, weights),
        key(state.key.matrix()),
        key_inverse(state.key.inverse_transposed()),
        value(state.value.matrix()),
        value_inverse(state.value.inverse_transposed().to(weights)) {
    for (const LearnedKronecker& shard : state.mlp_middle) mlp_middle.emplace_back(shard, weights);
    for (const LearnedMatrix& shard : state.across_heads) {
      across.push_back(shard.matrix());
      across_inverse.push_back(shard.inverse_transposed().to(weights));
    }
  }

  KroneckerFactors weight_factors(LinearSlot slot, std::int64_t shard) const {
    const auto s = static_cast<std::size_t>(shard);
    if (input_site(slot) == Site::kAttentionInput) return attention_input.weight_factors();
    if (input_site(slot) == Site::kMlpInput) return mlp_input.weight_factors();
    if (slot == LinearSlot::kDown) return mlp_middle[s].weight_factors();
    const at::Tensor& left = across_inverse[s];
    return {at::ones({left.size(0) * value_inverse.size(0)}, left.options().requires_grad(false)), left, value_inverse};
  }

  at::Tensor middle_diagonal() const {  // of all shards
    std::vector<at::Tensor> diagonals;
    for (const Kronecker& shard : mlp_middle) diagonals.push_back(shard.diagonal);
    return at::cat(diagonals);
  }
};

FlatBlock::FlatBlock(const WeightSource& source, std::int64_t layer, const BlockPlan& plan, const FlatShape& shape,
                     Executor& executor, at::Device device)
    : plan_(plan),
      shape_(shape),
      window_(attention_window(source.config(), layer)),
      executor_(executor),
      block_(source, layer, {.type = at::kFloat, .device = device, .matrices = LinearMatrices::kLeft}) {
  for (const LinearSlot slot : kLinearSlots) {
    LinearWeight& weight = weights_[static_cast<std::size_t>(slot)];
    weight = source.linear(linear_name(layer, slot));
    if (device.is_cpu()) continue;
    weight.matrix = (weight.quantized() ? weight.dense_float32() : std::get<at::Tensor>(weight.matrix)).to(device);
    if (weight.bias) weight.bias = weight.bias->to(device);
  }
}

std::vector<FlatBlock::Slice> FlatBlock::slices_of(LinearSlot slot, std::int64_t most) const {
  const LinearWeight& weights = weights_[static_cast<std::size_t>(slot)];
  const std::int64_t heads = std::max<std::int64_t>(1, most / weights.columns() / shape_.head_dim);
  const std::int64_t step = heads * shape_.head_dim;
  std::vector<Slice> slices;
  for (std::int64_t first = 0; first < weights.rows(); first += step) {
    slices.push_back({slot, first, std::min(step, weights.rows() - first)});
  }
  return slices;
}

at::Tensor FlatBlock::weights_of(const Slice& slice) const {
  const LinearWeight& weights = weights_[static_cast<std::size_t>(slice.slot)];
  const at::Tensor all = weights.quantized() ? weights.dense_float32() : std::get<at::Tensor>(weights.matrix);
  return all.narrow(0, slice.first, slice.count).to(at::kFloat);
}

// Every head's rows W become T^T W.
at::Tensor FlatBlock::with_value_transform(const at::Tensor& weights, const at::Tensor& value) const {
  const at::Tensor heads = weights.reshape({-1, shape_.head_dim, weights.size(-1)});
  return at::matmul(value.to(weights.scalar_type()).t(), heads).reshape(weights.sizes());
}

at::Tensor FlatBlock::value_bias(const at::Tensor& value) const {
  const at::Tensor& bias = *weights_[static_cast<std::size_t>(LinearSlot::kV)].bias;
  return at::matmul(bias.unflatten(0, {-1, shape_.head_dim}), value).flatten();
}

at::Tensor FlatBlock::rounded(Site site, const at::Tensor& rows, const FlatState& state) const {
  const auto& format = plan_.at(site).format;
  if (!format) return rows;
  const bool by_head = site == Site::kKey || site == Site::kValue;
  const std::int64_t run = by_head ? shape_.head_dim : rows.size(-1) / (is_row_parallel(site) ? shape_.shards : 1);
  return quantize_learned(rows, *format, run, state.clip(site), &executor_);
}

// All that the rounded weights of a slice are made of beside its own: scale, left and right of every shard, the ends of
// its clips, the transform of values.
std::vector<at::Tensor> FlatBlock::parts_of(const Slice& slice, const FlatState& state,
                                            const Matrices& matrices) const {
  std::vector<at::Tensor> parts;
  for (std::int64_t shard = 0; shard < shards_of(slice.slot); ++shard) {
    const KroneckerFactors factors = matrices.weight_factors(slice.slot, shard);
    parts.insert(parts.end(), {factors.scale, factors.left, factors.right});
  }
  for (const at::Tensor& clip : {state.clip(slice.slot).max, state.clip(slice.slot).min}) {
    parts.push_back(clip.narrow(0, slice.first, slice.count));
  }
  if (slice.slot == LinearSlot::kV) parts.push_back(matrices.value);
  return parts;
}

at::Tensor FlatBlock::rounded_weights(const Slice& slice, const std::vector<at::Tensor>& parts) const {
  const at::Tensor weights = weights_of(slice);
  const QuantFormat& format = plan_.weights.at(slice.slot);
  const std::int64_t count = shards_of(slice.slot), width = weights.size(1) / count;
  // The transform of values comes between clipping and rounding.
  const bool ends_rounded = slice.slot != LinearSlot::kV;
  if (!can_fuse(weights)) {
    std::vector<at::Tensor> shards;
    for (std::int64_t s = 0; s < count; ++s) {
      const at::Tensor own = weights.narrow(1, s * width, width) * parts[3 * s];
      shards.push_back(times_kronecker(own, parts[3 * s + 1], parts[3 * s + 2]));
    }
    at::Tensor clipped =
        clip_learned(at::stack(shards, 1), {.max = parts[3 * count], .min = parts[3 * count + 1]}, &executor_);
    if (!ends_rounded) clipped = with_value_transform(clipped.flatten(1), parts.back()).unsqueeze(1);
    return quantize_weights(clipped, format, &executor_).flatten(1);
  }
  const RowRatios ratios{.max = at::sigmoid(parts[3 * count]), .min = at::sigmoid(parts[3 * count + 1])};
  const auto highest = ends_rounded ? std::optional(static_cast<float>(format.max_code())) : std::nullopt;
  std::vector<at::Tensor> shards;
  for (std::int64_t s = 0; s < count; ++s) {
    shards.push_back(kronecker_weights(weights.narrow(1, s * width, width),
                                       {parts[3 * s], parts[3 * s + 1], parts[3 * s + 2]},
                                       {ratios.max.select(1, s), ratios.min.select(1, s)}, highest, executor_));
  }
  if (ends_rounded) return shards.size() == 1 ? shards.front() : at::cat(shards, 1);
  const at::Tensor turned = with_value_transform(shards.front(), parts.back());
  return quantize_weights(turned.unsqueeze(1), format, &executor_).flatten(1);
}

at::Tensor FlatBlock::product(LinearSlot slot, const at::Tensor& x, const FlatState& state,
                              const Matrices& matrices) const {
  std::vector<at::Tensor> outputs;
  for (const Slice& slice : slices_of(slot, kWeightsAtOnce)) {
    const auto make = [this, slice](const std::vector<at::Tensor>& parts) { return rounded_weights(slice, parts); };
    outputs.push_back(linear_product(x, make, parts_of(slice, state, matrices), executor_));
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, -1);
}

at::Tensor FlatBlock::forward(const FlatState& state, const at::Tensor& h, const ReferenceAngles& angles) {
  const Matrices matrices(state, at::kFloat);
  block_.set_product([&](LinearSlot slot, const at::Tensor& x) { return product(slot, x, state, matrices); });
  if (block_.bias(LinearSlot::kV)) block_.bias(LinearSlot::kV) = value_bias(matrices.value);
  const auto by_head = [&](const at::Tensor& rows, const at::Tensor& matrix) {
    return at::matmul(rows.unflatten(-1, {-1, shape_.head_dim}), matrix).flatten(-2);
  };
  const at::Tensor x = matrices.attention_input.rows(block_.attention_input(h), executor_);
  ReferenceBlock::Projections found = block_.project(rounded(Site::kAttentionInput, x, state));
  found = block_.position(found, angles);
  found.queries = by_head(found.queries, matrices.key_inverse);
  found.keys = rounded(Site::kKey, by_head(found.keys, matrices.key), state);
  found.values = rounded(Site::kValue, found.values, state);

  at::Tensor a =
      attention_of(found, shape_.head_dim, window_).unflatten(-1, {shape_.shards, shape_.shard_heads, shape_.head_dim});
  const at::Tensor across =
      matrices.across.size() == 1 ? matrices.across.front().t() : at::stack(matrices.across, 0).transpose(-1, -2);
  a = at::matmul(across, a).flatten(-3);
  const at::Tensor joined = block_.add_attention(h, rounded(Site::kAttentionOutput, a, state));

  const at::Tensor m = matrices.mlp_input.rows(block_.mlp_input(joined), executor_);
  const at::Tensor inner = block_.mlp_middle(rounded(Site::kMlpInput, m, state));
  std::vector<at::Tensor> shards;
  const std::int64_t width = inner.size(-1) / shape_.shards;
  for (std::size_t s = 0; s < matrices.mlp_middle.size(); ++s) {
    shards.push_back(
        matrices.mlp_middle[s].rows(inner.narrow(-1, static_cast<std::int64_t>(s) * width, width), executor_));
  }
  const at::Tensor u = shards.size() == 1 ? shards.front() : at::cat(shards, -1);
  return block_.add_mlp(joined, rounded(Site::kMlpMiddle, u, state));
}

at::Tensor FlatBlock::folded_weights(LinearSlot slot, const FlatState& state, const Matrices& matrices) const {
  const at::NoGradGuard no_gradients;
  const LinearWeight& linear = weights_[static_cast<std::size_t>(slot)];
  at::Tensor folded = at::empty({linear.rows(), linear.columns()}, at::kFloat);
  const std::int64_t count = shards_of(slot), width = linear.columns() / count;
  for (const Slice& slice : slices_of(slot, kFoldedAtOnce)) {
    const at::Tensor own = weights_of(slice).to(at::kDouble);
    std::vector<at::Tensor> shards;
    for (std::int64_t s = 0; s < count; ++s) {
      const KroneckerFactors factors = matrices.weight_factors(slot, s);
      shards.push_back(times_kronecker(own.narrow(1, s * width, width) * factors.scale, factors.left, factors.right));
    }
    const LearnedClip clip{.max = state.clip(slot).max.narrow(0, slice.first, slice.count),
                           .min = state.clip(slot).min.narrow(0, slice.first, slice.count)};
    at::Tensor clipped = clip_learned(at::stack(shards, 1), clip).flatten(1);
    if (slot == LinearSlot::kV) clipped = with_value_transform(clipped, matrices.value);
    folded.narrow(0, slice.first, slice.count).copy_(clipped);
  }
  if (slot == LinearSlot::kUp) folded.mul_(matrices.middle_diagonal().unsqueeze(-1).cpu());
  return folded;
}

FoldedBlock FlatBlock::fold(const FlatState& state) const {
  const at::NoGradGuard no_gradients;
  const auto matrices = std::make_shared<const Matrices>(state, at::kDouble);
  FoldedBlock folded;
  folded.weights = [this, state, matrices](LinearSlot slot) { return folded_weights(slot, state, *matrices); };
  for (const LinearSlot slot : kLinearSlots) {
    const auto place = static_cast<std::size_t>(slot);
    folded.biases[place] = weights_[place].bias;
  }
  const auto up = static_cast<std::size_t>(LinearSlot::kUp), v = static_cast<std::size_t>(LinearSlot::kV);
  if (folded.biases[up]) folded.biases[up] = *folded.biases[up] * matrices->middle_diagonal();
  if (folded.biases[v]) folded.biases[v] = value_bias(matrices->value);
  for (std::optional<at::Tensor>& bias : folded.biases) {
    if (bias) bias = bias->cpu();
  }
  folded.input_gain = (block_.gain(BlockNorm::kInput) * matrices->attention_input.diagonal).cpu();
  folded.post_gain = (block_.gain(BlockNorm::kPost) * matrices->mlp_input.diagonal).cpu();
  add_site_tensors(state, *matrices, folded);
  return folded;
}

void FlatBlock::add_site_tensors(const FlatState& state, const Matrices& matrices, FoldedBlock& folded) const {
  const auto add = [&](Site site, std::string_view part, const std::vector<at::Tensor>& shards) {
    const at::Tensor values = shards.size() == 1 ? shards.front() : at::stack(shards, 0);
    folded.sites.push_back({site, part, values.detach().contiguous().clone().cpu()});
  };
  std::vector<at::Tensor> lefts, rights;
  for (const Matrices::Kronecker& shard : matrices.mlp_middle) {
    lefts.push_back(shard.left);
    rights.push_back(shard.right);
  }
  add(Site::kAttentionInput, kTransformLeft, {matrices.attention_input.left});
  add(Site::kAttentionInput, kTransformRight, {matrices.attention_input.right});
  add(Site::kAttentionOutput, kTransformLeft, matrices.across);
  add(Site::kMlpInput, kTransformLeft, {matrices.mlp_input.left});
  add(Site::kMlpInput, kTransformRight, {matrices.mlp_input.right});
  add(Site::kMlpMiddle, kTransformLeft, lefts);
  add(Site::kMlpMiddle, kTransformRight, rights);
  add(Site::kKey, kTransformRight, {matrices.key});
  add(Site::kKey, kTransformQuery, {matrices.key_inverse});
  for (const Site site : kSites) {
    if (plan_.at(site).clip != ClipSource::kLearned) continue;
    add(site, kClipMin, {at::sigmoid(state.clip(site).min)});
    add(site, kClipMax, {at::sigmoid(state.clip(site).max)});
  }
}

FlatDiagonals start_diagonals(const WeightSource& source, std::int64_t layer, const FlatDiagonals& input_maxima) {
  FlatDiagonals diagonals;
  for (const LinearSlot slot : kLinearSlots) {
    if (slot == LinearSlot::kO) continue;
    const at::Tensor largest = at::amax(source.linear(linear_name(layer, slot)).dense_float32().abs(), {0});
    at::Tensor& weight_maxima = diagonals[static_cast<std::size_t>(input_site(slot))];
    weight_maxima = weight_maxima.defined() ? at::maximum(weight_maxima, largest) : largest;
  }
  for (const Site site : kActivationSites) {
    at::Tensor& diagonal = diagonals[static_cast<std::size_t>(site)];
    if (diagonal.defined()) diagonal = start_diagonal(diagonal, input_maxima[static_cast<std::size_t>(site)]);
  }
  return diagonals;
}

}  // namespace qreason
