#include "quantize/flatquant/flat_state.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_min.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/sign.h>
#include <fmt/format.h>

namespace qreason {
namespace {

constexpr double kStartClip = 4;
constexpr double kDiagonalPower = 0.3;

// Where the clip factors of a site's quantizer are in the published implementation.
const char* quantizer_name(Site site, Architecture architecture) {
  switch (site) {
    case Site::kAttentionInput:
      return "self_attn.q_proj.act_quantizer";
    case Site::kAttentionOutput:
      return "self_attn.o_proj.act_quantizer";
    case Site::kMlpInput:
      return architecture == Architecture::kQwen2 ? "mlp.up_gate_quant" : "mlp.gate_proj.act_quantizer";
    case Site::kMlpMiddle:
      return "mlp.down_proj.act_quantizer";
    case Site::kKey:
      return "self_attn.k_cache_quantizer";
    case Site::kValue:
      break;
  }
  return "self_attn.v_cache_quantizer";
}

// An orthogonal matrix: Q of a Gaussian one, each column with the sign of R's diagonal.
at::Tensor random_orthogonal(std::int64_t size, NumpyLegacyRandom& random) {
  at::Tensor gaussian = at::empty({size, size}, at::kDouble);
  double* values = gaussian.data_ptr<double>();
  for (std::int64_t i = 0; i < size * size; ++i) values[i] = random.normal();
  const auto [q, r] = at::linalg_qr(gaussian);
  return (q * at::sign(r.diagonal())).to(at::kFloat).contiguous();
}

// The sizes of a block's matrices in the order in which they are drawn.
std::vector<std::int64_t> drawn_sizes(const FlatShape& shape) {
  std::vector<std::int64_t> sizes{shape.hidden.left, shape.hidden.right};
  sizes.insert(sizes.end(), static_cast<std::size_t>(shape.shards), shape.shard_heads);
  sizes.insert(sizes.end(), {shape.head_dim, shape.head_dim, shape.hidden.left, shape.hidden.right});
  for (std::int64_t shard = 0; shard < shape.shards; ++shard) {
    sizes.insert(sizes.end(), {shape.middle.left, shape.middle.right});
  }
  return sizes;
}

}  // namespace

void FlatState::walk(const MatrixVisitor& matrices, const Visitor& tensors) {
  const auto kronecker = [&](const std::string& name, LearnedKronecker& learned) {
    matrices(name + ".linear_left", learned.left);
    matrices(name + ".linear_right", learned.right);
    tensors(name + ".diag_scale", learned.diagonal, Kind::kTransform);
  };
  kronecker("self_attn.ln_trans", attention_input);
  for (std::size_t s = 0; s < across_heads.size(); ++s) {
    matrices(fmt::format("self_attn.o_trans.trans_list.{}.linear", s), across_heads[s]);
  }
  matrices("self_attn.kcache_trans.linear", key);
  matrices("self_attn.vcache_trans.linear", value);
  kronecker("mlp.up_gate_trans", mlp_input);
  for (std::size_t s = 0; s < mlp_middle.size(); ++s) {
    kronecker(fmt::format("mlp.down_trans.trans_list.{}", s), mlp_middle[s]);
  }
  for (const LinearSlot slot : kLinearSlots) {
    tensors(fmt::format("{}.clip_factor_w_max", name_of(slot)), clip(slot).max, Kind::kClip);
    tensors(fmt::format("{}.clip_factor_w_min", name_of(slot)), clip(slot).min, Kind::kClip);
  }
  for (const Site site : kSites) {
    const char* name = quantizer_name(site, architecture);
    tensors(fmt::format("{}.clip_factor_a_max", name), clip(site).max, Kind::kClip);
    tensors(fmt::format("{}.clip_factor_a_min", name), clip(site).min, Kind::kClip);
  }
}

void FlatState::visit(const Visitor& visitor) {
  const auto of_matrix = [&](const std::string& name, LearnedMatrix& matrix) {
    matrix.visit(name, [&](const std::string& part, at::Tensor& own) { visitor(part, own, Kind::kTransform); });
  };
  walk(of_matrix, visitor);
}

void FlatState::place(at::Device device) {
  walk([&](const std::string&, LearnedMatrix& matrix) { matrix.place(device); },
       [&](const std::string&, at::Tensor& own, Kind) { own = own.to(device); });
}

void FlatState::read(const Reader& reader) {
  const auto matrix = [&](const std::string& name, LearnedMatrix& old) {
    const std::int64_t size = old.size();
    old = LearnedMatrix(reader(name + ".weight", {size, size}), old.parametrization());
  };
  walk(matrix, [&](const std::string& name, at::Tensor& own, Kind) { own = reader(name, own.sizes()); });
}

FlatState start_state(const FlatStart& start, const FlatDiagonals& diagonals, NumpyLegacyRandom& random) {
  const FlatShape& shape = start.shape;
  const auto draw = [&](std::int64_t size) {
    return LearnedMatrix(random_orthogonal(size, random), start.parametrization);
  };
  const auto kronecker = [&](KroneckerSizes sizes, const at::Tensor& diagonal) {
    LearnedMatrix left = draw(sizes.left), right = draw(sizes.right);
    return LearnedKronecker{std::move(left), std::move(right), diagonal.clone()};
  };
  const auto diagonal = [&](Site site) { return diagonals[static_cast<std::size_t>(site)]; };
  FlatState state;
  state.architecture = start.config.architecture;
  state.attention_input = kronecker(shape.hidden, diagonal(Site::kAttentionInput));
  for (std::int64_t shard = 0; shard < shape.shards; ++shard) state.across_heads.push_back(draw(shape.shard_heads));
  state.key = draw(shape.head_dim);
  state.value = draw(shape.head_dim);
  state.mlp_input = kronecker(shape.hidden, diagonal(Site::kMlpInput));
  for (std::int64_t shard = 0; shard < shape.shards; ++shard) {
    const std::int64_t width = shape.middle.left * shape.middle.right;
    state.mlp_middle.push_back(kronecker(shape.middle, diagonal(Site::kMlpMiddle).narrow(0, shard * width, width)));
  }
  for (const LinearSlot slot : kLinearSlots) {
    const std::int64_t shards = is_row_parallel(slot) ? shape.shards : 1;
    for (at::Tensor* clip : {&state.clip(slot).max, &state.clip(slot).min}) {
      *clip = at::full({linear_shape(start.config, slot).rows, shards, 1}, kStartClip, at::kFloat);
    }
  }
  for (const Site site : kSites) {
    for (at::Tensor* clip : {&state.clip(site).max, &state.clip(site).min}) {
      *clip = at::full({is_row_parallel(site) ? shape.shards : 1}, kStartClip, at::kFloat);
    }
  }
  return state;
}

void skip_block(const FlatShape& shape, NumpyLegacyRandom& random) {
  for (const std::int64_t size : drawn_sizes(shape)) {
    for (std::int64_t i = 0; i < size * size; ++i) random.normal();
  }
}

at::Tensor start_diagonal(const at::Tensor& weight_maxima, const at::Tensor& input_maxima) {
  const at::Tensor diagonal = at::pow(weight_maxima, 1 - kDiagonalPower) / at::pow(input_maxima, kDiagonalPower);
  return at::where(input_maxima == 0, 1.0, at::clamp_min(diagonal, 1e-5));
}

}  // namespace qreason
