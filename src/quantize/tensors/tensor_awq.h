// AWQ's searches (quantize/awq_scales.h, quantize/awq_clips.h) in tensor operations, for devices of libtorch's: what
// quantize/module_loss.h and search_clips do on the host. Losses of many units come back at once, the only thing that
// is waited for.
//
// A device's product of a row may depend on how many come with it: losses of one unit agree up to rounding alone.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "quantize/awq_clips.h"
#include "quantize/block_visit.h"

namespace qreason {

// AttentionChange.
class TensorAttentionChange {
 public:
  explicit TensorAttentionChange(BlockVisit& block) : block_(block) {}
  void take(std::int64_t sequence);
  std::int64_t units() const { return static_cast<std::int64_t>(before_.size()); }
  double values() const;
  void of(std::span<const std::int64_t> sequences, std::span<double> changes) const;

 private:
  BlockVisit& block_;
  std::vector<at::Tensor> before_;  // [sequence]
};

// MlpChange.
class TensorMlpChange {
 public:
  explicit TensorMlpChange(BlockVisit& block) : block_(block) {}
  void take(std::int64_t sequence);
  std::int64_t units() const { return tokens_; }
  double values() const { return static_cast<double>(tokens_ * block_.config().hidden_size); }
  void of(std::span<const std::int64_t> tokens, std::span<double> changes);

 private:
  void join();

  BlockVisit& block_;
  std::int64_t tokens_ = 0;
  std::vector<at::Tensor> inputs_, before_;  // by sequence; joined: one of each
};

// LinearChange, by the Gram matrix however many tokens there are.
class TensorLinearChange {
 public:
  TensorLinearChange(std::int64_t columns, std::int64_t tokens) : columns_(columns), tokens_(tokens) {}
  void add(const ActivationRows& rows, Executor&);
  void finish(Executor&) {}
  bool has_cheap_parts() const { return false; }
  std::int64_t tokens() const { return tokens_; }
  void of(const at::Tensor& before, const at::Tensor& now, std::span<const std::int64_t> outputs,
          std::span<double> changes, Executor&) const;

 private:
  std::int64_t columns_, tokens_;
  at::Tensor gram_;
};

// search_clips of weights [rows, inputs.width] on the device of the inputs; groups divide the columns.
GroupClips search_clips_there(const at::Tensor& weights, const SampledRows& inputs, const QuantFormat& format,
                              const ClipSearch& search);

}  // namespace qreason
