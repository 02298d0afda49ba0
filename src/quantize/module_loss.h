// How much a module's output changes when weights in it do: what searches for scales judge by. Float32 products in the
// kernels' fixed order, everything summed up in double in a fixed order, so that no choice between two candidates hangs
// on the number of threads, and no part of a loss on what else is asked for at once. On the host;
// quantize/tensors/tensor_awq.h has the same for devices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/packed_matrix.h"
#include "quantize/block_visit.h"

namespace qreason {

// The squared change of what the attention adds to the hidden states, sequence by sequence, since the rows were taken.
class AttentionChange {
 public:
  explicit AttentionChange(BlockVisit& block);
  void take(std::int64_t sequence);  // all in order; keeps the rows

  std::int64_t units() const { return block_.sequences(); }
  double values() const { return static_cast<double>(before_.rows() * block_.config().hidden_size); }
  // Of a block that is tried: changes[s] of every s in `sequences`.
  void of(std::span<const std::int64_t> sequences, std::span<double> changes);

 private:
  BlockVisit& block_;
  ActivationStore before_;
};

// The same for the MLP, token by token.
class MlpChange {
 public:
  explicit MlpChange(BlockVisit& block);
  void take(std::int64_t sequence);  // keeps inputs and outputs of the MLP

  std::int64_t units() const { return rows_.rows(); }
  double values() const { return static_cast<double>(rows_.rows() * width_); }
  // changes[t] of every t in `tokens`.
  void of(std::span<const std::int64_t> tokens, std::span<double> changes);

 private:
  BlockVisit& block_;
  std::int64_t width_;
  ActivationStore rows_;  // of a token its inputs, then its outputs
};

// The same for a single linear y = W x, output by output. Of few tokens the inputs X themselves are kept, as a weight
// laid out once that rows of the change are multiplied with: |(w - w') X^T|^2. Of many their Gram matrix
// G = sum x x^T, whose product with a row then costs less: (w - w') G (w - w')^T.
class LinearChange {
 public:
  static constexpr std::int64_t kBlock = 1024;  // columns of G at a time

  // Of so many tokens in all.
  LinearChange(std::int64_t columns, std::int64_t tokens);
  void add(const ActivationRows& rows, Executor& executor);
  void finish(Executor& executor);  // after the last rows, before the first change

  // Whichever multiplies less.
  static bool keeps_rows(std::int64_t columns, std::int64_t tokens) { return 2 * tokens <= columns + kBlock; }
  // Whether some of the outputs cost no more than their share. (G is laid out anew for every product.)
  bool has_cheap_parts() const { return gram_.empty(); }
  std::int64_t tokens() const { return tokens_; }
  // changes[w] of every row w in `outputs`; matrices [outputs of the linear, columns].
  void of(const at::Tensor& before, const at::Tensor& now, std::span<const std::int64_t> outputs,
          std::span<double> changes, Executor& executor) const;

 private:
  void find_by_rows(const std::vector<float>& error, std::span<double> changes, Executor& executor) const;
  void find_by_gram(const std::vector<float>& error, std::span<double> changes, Executor& executor) const;

  std::int64_t columns_, tokens_;
  std::vector<PackedMatrix> rows_;  // by sequence [its tokens, columns], or
  std::vector<float> gram_;         // [columns, columns]; finished: see finish()
};

// The lower triangle of a [n, n], whose rows are `stride` apart, becomes the mirror image of the upper one.
void mirror_upper(float* a, std::int64_t n, std::int64_t stride, Executor& executor);

}  // namespace qreason
