// What AWQ's search for scales (quantize/awq_scales.h) tries: linears that read the same rows, at one ratio.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "formats/quantized_matrix.h"
#include "quantize/block_visit.h"

namespace qreason {

enum class ScaleRule : std::uint8_t { kActivations, kActivationsAndWeights };  // the second is duo scaling

class AwqCandidates {
 public:
  // The linears that the scales are for, at least one; `block` outlives the object.
  AwqCandidates(BlockVisit& block, std::vector<LinearSlot> slots, ScaleRule rule);

  const std::vector<LinearSlot>& slots() const { return slots_; }
  at::Tensor weight(LinearSlot slot) const { return block_.weight_there(slot); }  // float32 [out, in]
  std::string where() const { return linear_name(block_.layer(), slots_.front()); }

  // Rows that the linears read; after the last ones finish_means(), an Error where they are not finite.
  void add(const ActivationRows& rows);
  void finish_means();
  std::int64_t dead_channels() const;  // that nothing activates

  std::vector<float> scales(double ratio) const;  // s [in]
  // Q(W diag(s)) diag(1/s), every step in float32; W is weight(slot).
  at::Tensor rounded(LinearSlot slot, const at::Tensor& weight, const std::vector<float>& scales) const;

 private:
  QuantizedMatrix rounded_matrix(LinearSlot slot, const at::Tensor& weight) const;
  void find_mean_weights();
  void find_mean_weights_there();  // on a device

  BlockVisit& block_;
  std::vector<LinearSlot> slots_;
  std::vector<double> activations_, mean_weights_;  // means by channel; the second with duo scaling alone
  at::Tensor magnitudes_;                           // on a device: sums of |x_j| so far, float64
  std::int64_t tokens_ = 0;
};

}  // namespace qreason
