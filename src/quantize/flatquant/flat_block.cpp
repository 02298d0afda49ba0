#include "quantize/flatquant/flat_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/stack.h>

#include <cmath>

#include "quantize/flatquant/fused_quantizer.h"
#include "quantize/flatquant/kronecker_rows.h"
#include "quantize/flatquant/learned_quantizer.h"
#include "quantize/flatquant/linear_product.h"

namespace qreason {
namespace {

// x (L kron R), run by run of the last dimension.
at::Tensor times_kronecker(const at::Tensor& x, const at::Tensor& left, const at::Tensor& right) {
  const at::Tensor runs = at::matmul(x.unflatten(-1, {left.size(0), right.size(0)}), right);
  return at::matmul(left.t(), runs).flatten(-2);
}

// [sequences, length, heads * head_dim] -> [sequences, heads, length, head_dim]
at::Tensor heads_of(const at::Tensor& rows, std::int64_t head_dim) {
  return rows.unflatten(-1, {-1, head_dim}).transpose(-2, -3);
}

// Causal attention whose scores are never all in memory, neither for their gradients.
at::Tensor attention_of(const ReferenceBlock::Projections& found, std::int64_t head_dim) {
  const at::Tensor queries = heads_of(found.queries, head_dim);
  at::Tensor keys = heads_of(found.keys, head_dim), values = heads_of(found.values, head_dim);
  const std::int64_t group = queries.size(1) / keys.size(1);
  keys = keys.repeat_interleave(group, 1);
  values = values.repeat_interleave(group, 1);
  const double scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  return at::scaled_dot_product_attention(queries, keys, values, std::nullopt, 0.0, true, scale)
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
    KroneckerFactors weight_factors() const { return {1 / diagonal, left_inverse, right_inverse}; }
    at::Tensor weights(const at::Tensor& w) const {
      return times_kronecker(w / diagonal.to(w.scalar_type()), left_inverse, right_inverse);
    }
  };
  Kronecker attention_input, mlp_input;
  std::vector<Kronecker> mlp_middle;
  std::vector<at::Tensor> across, across_inverse;
  at::Tensor key, key_inverse, value, value_inverse;
  at::ScalarType type;

  // Inverses, and all else that weights are multiplied with, in the type of the weights.
  Matrices(const FlatState& state, at::ScalarType weights)
      : attention_input(state.attention_input, weights),
        mlp_input(state.mlp_input, weights),
        key(state.key.matrix()),
        key_inverse(state.key.inverse_transposed()),
        value(state.value.matrix()),
        value_inverse(state.value.inverse_transposed().to(weights)),
        type(weights) {
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
};

FlatBlock::FlatBlock(const WeightSource& source, std::int64_t layer, const BlockPlan& plan, const FlatShape& shape,
                     Executor& executor)
    : plan_(plan), shape_(shape), executor_(executor), block_(source, layer, {.type = at::kFloat}) {
  block_.set_product(
      [&executor](const at::Tensor& x, const at::Tensor& weights) { return linear_product(x, weights, executor); });
  for (const LinearSlot slot : kLinearSlots) {
    weights_[static_cast<std::size_t>(slot)] = block_.weight(slot);
    biases_[static_cast<std::size_t>(slot)] = block_.bias(slot);
  }
}

at::Tensor FlatBlock::flattened(LinearSlot slot, const Matrices& matrices) const {
  const at::Tensor weights = weights_[static_cast<std::size_t>(slot)].to(matrices.type);
  if (input_site(slot) == Site::kAttentionInput) return matrices.attention_input.weights(weights).unsqueeze(1);
  if (input_site(slot) == Site::kMlpInput) return matrices.mlp_input.weights(weights).unsqueeze(1);
  std::vector<at::Tensor> shards;
  const std::int64_t width = weights.size(1) / shape_.shards;
  for (std::size_t s = 0; s < static_cast<std::size_t>(shape_.shards); ++s) {
    const at::Tensor own = weights.narrow(1, static_cast<std::int64_t>(s) * width, width);
    shards.push_back(slot == LinearSlot::kDown
                         ? matrices.mlp_middle[s].weights(own)
                         : times_kronecker(own, matrices.across_inverse[s], matrices.value_inverse));
  }
  return shards.size() == 1 ? shards.front().unsqueeze(1) : at::stack(shards, 1);
}

// Every head's rows W become T^T W; weights [out, 1, in].
at::Tensor FlatBlock::with_value_transform(const at::Tensor& weights, const at::Tensor& value) const {
  const at::Tensor heads = weights.reshape({-1, shape_.head_dim, weights.size(-1)});
  return at::matmul(value.to(weights.scalar_type()).t(), heads).reshape(weights.sizes());
}

at::Tensor FlatBlock::value_bias(const at::Tensor& value) const {
  const at::Tensor& bias = *biases_[static_cast<std::size_t>(LinearSlot::kV)];
  return at::matmul(bias.unflatten(0, {-1, shape_.head_dim}), value).flatten();
}

at::Tensor FlatBlock::rounded(Site site, const at::Tensor& rows, const FlatState& state) const {
  const auto& format = plan_.at(site).format;
  if (!format) return rows;
  const bool by_head = site == Site::kKey || site == Site::kValue;
  const std::int64_t run = by_head ? shape_.head_dim : rows.size(-1) / (is_row_parallel(site) ? shape_.shards : 1);
  return quantize_learned(rows, *format, run, state.clip(site), &executor_);
}

// Flattened, clipped and, values aside, whose transform comes between, rounded.
at::Tensor FlatBlock::fused_weights(LinearSlot slot, const FlatState& state, const Matrices& matrices) const {
  const at::Tensor& weights = weights_[static_cast<std::size_t>(slot)];
  const std::int64_t count = is_row_parallel(slot) ? shape_.shards : 1, width = weights.size(1) / count;
  const at::Tensor max = at::sigmoid(state.clip(slot).max), min = at::sigmoid(state.clip(slot).min);
  const auto highest =
      slot == LinearSlot::kV ? std::nullopt : std::optional(static_cast<float>(plan_.weights.at(slot).max_code()));
  std::vector<at::Tensor> shards;
  for (std::int64_t s = 0; s < count; ++s) {
    shards.push_back(kronecker_weights(weights.narrow(1, s * width, width), matrices.weight_factors(slot, s),
                                       {max.select(1, s), min.select(1, s)}, highest, executor_));
  }
  return shards.size() == 1 ? shards.front().unsqueeze(1) : at::stack(shards, 1);
}

void FlatBlock::put_weights(const FlatState& state, const Matrices& matrices) {
  for (const LinearSlot slot : kLinearSlots) {
    at::Tensor weights = can_fuse(weights_[static_cast<std::size_t>(slot)])
                             ? fused_weights(slot, state, matrices)
                             : clip_learned(flattened(slot, matrices), state.clip(slot));
    if (slot == LinearSlot::kV) weights = with_value_transform(weights, matrices.value);
    const bool done = can_fuse(weights) && slot != LinearSlot::kV;
    block_.weight(slot) = (done ? weights : quantize_weights(weights, plan_.weights.at(slot), &executor_)).flatten(1);
  }
  if (block_.bias(LinearSlot::kV)) block_.bias(LinearSlot::kV) = value_bias(matrices.value);
}

at::Tensor FlatBlock::forward(const FlatState& state, const at::Tensor& h, const ReferenceAngles& angles) {
  const Matrices matrices(state, at::kFloat);
  put_weights(state, matrices);
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
      attention_of(found, shape_.head_dim).unflatten(-1, {shape_.shards, shape_.shard_heads, shape_.head_dim});
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

FoldedBlock FlatBlock::fold(const FlatState& state) const {
  const at::NoGradGuard no_gradients;
  const Matrices matrices(state, at::kDouble);
  FoldedBlock folded;
  for (const LinearSlot slot : kLinearSlots) {
    at::Tensor weights = clip_learned(flattened(slot, matrices), state.clip(slot));
    if (slot == LinearSlot::kV) weights = with_value_transform(weights, matrices.value);
    folded.weights[static_cast<std::size_t>(slot)] = weights.flatten(1).to(at::kFloat);
    folded.biases[static_cast<std::size_t>(slot)] = biases_[static_cast<std::size_t>(slot)];
  }
  std::vector<at::Tensor> diagonals;
  for (const Matrices::Kronecker& shard : matrices.mlp_middle) diagonals.push_back(shard.diagonal);
  const auto up = static_cast<std::size_t>(LinearSlot::kUp), v = static_cast<std::size_t>(LinearSlot::kV);
  folded.weights[up] = folded.weights[up] * at::cat(diagonals).unsqueeze(-1);
  if (folded.biases[up]) folded.biases[up] = *folded.biases[up] * at::cat(diagonals);
  if (folded.biases[v]) folded.biases[v] = value_bias(matrices.value);
  folded.input_gain = block_.input_gain() * matrices.attention_input.diagonal;
  folded.post_gain = block_.post_gain() * matrices.mlp_input.diagonal;
  add_site_tensors(state, matrices, folded);
  return folded;
}

void FlatBlock::add_site_tensors(const FlatState& state, const Matrices& matrices, FoldedBlock& folded) const {
  const auto add = [&](Site site, std::string_view part, const std::vector<at::Tensor>& shards) {
    const at::Tensor values = shards.size() == 1 ? shards.front() : at::stack(shards, 0);
    folded.sites.push_back({site, part, values.detach().contiguous().clone()});
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
