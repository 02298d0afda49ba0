// All that FlatQuant learns in one block.
//
// Names are those of the published implementation, so that its states can be read: "self_attn.ln_trans.linear_left
// .weight", "mlp.down_trans.trans_list.0.diag_scale", "self_attn.q_proj.clip_factor_w_max", ... Clip factors are stored
// before the sigmoid that makes ratios of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/config.h"
#include "model/site.h"
#include "quantize/flatquant/flat_shape.h"
#include "quantize/flatquant/learned_matrix.h"

namespace qreason {

// Of a row x: (x diag(d)) (L kron R).
struct LearnedKronecker {
  LearnedMatrix left, right;
  at::Tensor diagonal;  // d [left * right]
};

struct LearnedClip {
  at::Tensor max, min;  // weights: [out, shards, 1]; activations: [shards]
};

struct FlatState {
  LearnedKronecker attention_input, mlp_input;
  std::vector<LearnedKronecker> mlp_middle;  // one a shard
  std::vector<LearnedMatrix> across_heads;   // of o's input, one a shard
  LearnedMatrix key, value;                  // of a head
  std::array<LearnedClip, kLinearSlots.size()> weights;
  std::array<LearnedClip, kSites.size()> sites;
  Architecture architecture = Architecture::kLlama;  // names differ in one place: Qwen2 has its own

  LearnedClip& clip(LinearSlot slot) { return weights[static_cast<std::size_t>(slot)]; }
  const LearnedClip& clip(LinearSlot slot) const { return weights[static_cast<std::size_t>(slot)]; }
  LearnedClip& clip(Site site) { return sites[static_cast<std::size_t>(site)]; }
  const LearnedClip& clip(Site site) const { return sites[static_cast<std::size_t>(site)]; }

  enum class Kind { kTransform, kClip };
  // Everything that is learned, always in the same order.
  using Visitor = std::function<void(const std::string& name, at::Tensor& value, Kind kind)>;
  void visit(const Visitor& visitor);
  void place(at::Device device);  // everything, where it computes from now on
  // Begins anew with given tensors: read(name, shape) has a matrix under its name with "weight" at the end, whatever
  // its parametrization.
  using Reader = std::function<at::Tensor(const std::string& name, at::IntArrayRef shape)>;
  void read(const Reader& reader);

 private:
  using MatrixVisitor = std::function<void(const std::string& name, LearnedMatrix& matrix)>;
  void walk(const MatrixVisitor& matrices, const Visitor& tensors);
};

// Where training starts: matrices as the published implementation draws them, diagonals of `diagonals` and all clip
// factors 4. `random` has drawn the matrices of all blocks before this one.
struct FlatStart {
  const ModelConfig& config;
  FlatShape shape;
  Parametrization parametrization = Parametrization::kInverse;
};
// d of the four sites by Site (key and value: none), [width] float32.
using FlatDiagonals = std::array<at::Tensor, kSites.size()>;
FlatState start_state(const FlatStart& start, const FlatDiagonals& diagonals, NumpyLegacyRandom& random);

// Draws what the matrices of a block are made of, and forgets it.
void skip_block(const FlatShape& shape, NumpyLegacyRandom& random);

// d = max(wmax^(1 - 0.3) / xmax^0.3, 1e-5) in float32: of the largest |w| of every column over the linears that read
// the channels, and the largest |x|. 1 where that is 0: such a channel is 0 whatever it is multiplied by.
at::Tensor start_diagonal(const at::Tensor& weight_maxima, const at::Tensor& input_maxima);

}  // namespace qreason
