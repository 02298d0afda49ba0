// How much a module's output changes when weights in it do: what searches for scales judge by. Float32 products in the
// kernels' fixed order, everything summed up in double in the order of sequences and rows, so that no choice between
// two candidates hangs on the number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/block_visit.h"

namespace qreason {

// The mean squared change of the rows at a tap, over all sequences, since the object was made. Keeps those rows
// (float32, on the host).
class OutputLoss {
 public:
  OutputLoss(BlockVisit& block, Tap tap);
  double now(BlockVisit& block) const;

 private:
  Tap tap_;
  std::vector<std::vector<float>> before_;  // [sequence]
};

// The same for a single linear y = W x, from the Gram matrix G = sum x x^T of its inputs:
//     |X (W - W')^T|^2 = tr((W - W') G (W - W')^T)
class InputGram {
 public:
  explicit InputGram(std::int64_t columns);
  void add(const ActivationRows& rows, Executor& executor);
  void finish(Executor& executor);  // after the last rows, before the first loss

  // Over all rows x outputs; matrices [outputs, columns].
  double loss(std::span<const float> before, std::span<const float> now, Executor& executor) const;

 private:
  std::int64_t columns_, tokens_ = 0;
  std::vector<float> gram_;  // [columns, columns]
};

// The lower triangle of a [n, n] becomes the mirror image of the upper one.
void mirror_upper(float* a, std::int64_t n, Executor& executor);

}  // namespace qreason
