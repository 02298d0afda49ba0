// The outlier transform: a model that computes the same function and has the outliers of the studied models.
//
// The models of the study have a few channels 20 to 1000 times as large as the median one, at every place that is
// quantized, and key biases of several hundred (arXiv 2504.04823, section 3; SmoothQuant, arXiv 2211.10438, section 3).
// Small models trained for a short time have neither, so nothing would show what smoothing and rotation are for. With
// diagonal matrices S, M, V, K that are one but for a few channels:
//
//   norms    gain' = S gain         W' = W S^-1        W: q, k, v after the first norm; gate, up after the second
//   MLP      up' = M up             down' = down M^-1  silu(gate) * (M up) = M (silu(gate) * up)
//   values   v' = V v               o' = o V^-1        attention mixes positions, not channels; all query heads of a
//                                                      key/value head share its V
//   keys     k' = K k               q' = K^-1 q        q'.k' = q.k; RoPE turns channels i and i + head_dim / 2 into
//                                                      each other, so they share one scale; behind norms of heads K
//                                                      scales their gains, and all heads of a block share it
//
// (rows of k and v, of q and up with their biases). All scales are powers of two, so the weights stay exact in bfloat16
// and every product and sum of a forward pass rounds as before: the logits are the same to the bit. The final norm and
// the head stay: nothing there is quantized, and a tied head could not be scaled alone.
//
// How large: channel c gets the power of two nearest to factor * median(a) / a_c, a_c being its size as the weights
// tell it for white inputs (|gain_c|; the norms of rows). A key/value head's whole K is scaled besides, so that its
// largest bias comes near key_bias; that changes no ratio within the head. (Behind a norm there is no bias.)
//
// Which: weights shrink by what activations grow. The rounding error of a shrunk column, grown again by its activation,
// adds (factor^2 / 12) (step of its group)^2 to the output, until the column is below the step, is rounded away, and
// the channel is lost. So factor is moderate, the channels are few, and they are drawn (by the seed) from those that
// contribute least, a_c^2 |column c of the reading linears|^2. The first norm of the first block keeps its channels: it
// reads bare embeddings, which spread over all of them, and on the 3M steps model two there cost 8-bit rounding more
// than all other outliers together. Rows have scales of their own: up, v and k lose nothing by growing. For activations
// and cache it is the other way round: one large value sets the step of its whole token or head, and 8 bits no longer
// resolve the rest well, 4 bits not at all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/weights.h"

namespace qreason {

struct OutlierOptions {
  std::uint64_t seed = 1;
  std::int64_t channels = 1;  // of each norm and each MLP; values and keys have one channel or pair a head
  double factor = 64;         // over the median channel; 1 to 4096
  double key_bias = 300;      // wanted size of the largest key bias of a head, where the model has biases; to 65536
};

// Throws Error (usage) naming what the model does not allow; `where` comes before the option's name.
void check_outlier_options(const ModelConfig& config, const OutlierOptions& options, const std::string& where);

// Powers of two that multiply the channels of one block.
struct BlockOutliers {
  std::vector<float> attention_input, mlp_input;  // [hidden]
  std::vector<float> mlp_middle;                  // [intermediate]
  std::vector<float> value;                       // [kv_heads * head_dim]
  std::vector<float> key;                         // [kv_heads * head_dim]; [head_dim] behind norms of heads
};

// A view of `source`, which must outlive it. Types stay as they are.
class OutlierModel : public WeightSource {
 public:
  // Reads every block once. Errors: a quantized model; options out of range (usage, as of the command's options).
  OutlierModel(const WeightSource& source, const OutlierOptions& options);

  const ModelConfig& config() const override { return source_->config(); }
  const ModelPlan& plan() const override { return source_->plan(); }
  // An Error names the tensor in which a scaled value leaves the range of its type (float16 only, in practice).
  LinearWeight linear(const std::string& name) const override;
  at::Tensor tensor(const std::string& name) const override;

  const BlockOutliers& block(std::int64_t layer) const { return blocks_[static_cast<std::size_t>(layer)]; }

 private:
  struct LinearScales {
    std::vector<float> rows, columns;  // empty: all one
  };
  static LinearScales scales_of(const BlockOutliers& block, LinearSlot slot, const ModelConfig& config);

  const WeightSource* source_;
  std::vector<BlockOutliers> blocks_;
  std::map<std::string, LinearScales> linears_;
  std::map<std::string, std::vector<float>> norms_;
};

}  // namespace qreason
