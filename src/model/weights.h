// Weights as they come from a checkpoint, and the interface by which a model asks for them one at a time.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "formats/quantized_matrix.h"
#include "model/config.h"
#include "model/plan.h"

namespace qreason {

// The matrix of one linear: a dense tensor [out, in] (float32, bfloat16 or float16, contiguous, CPU) or integer codes.
struct LinearWeight {
  std::variant<at::Tensor, QuantizedMatrix> matrix;
  std::optional<at::Tensor> bias;  // float32 [out]

  std::int64_t rows() const;
  std::int64_t columns() const;
  bool quantized() const { return std::holds_alternative<QuantizedMatrix>(matrix); }
  at::Tensor dense_float32() const;  // [out, in], dequantized where needed
};

// Where a model's tensors are. Implementations read lazily (memory map), so that one block at a time can be resident.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual const ModelConfig& config() const = 0;
  virtual const ModelPlan& plan() const = 0;
  // Names are Hugging Face's without suffix ("model.layers.0.self_attn.q_proj", "lm_head"). Missing ones, wrong shapes
  // and wrong types are Errors that name file and tensor. "model.embed_tokens" is a linear where the plan quantizes it.
  virtual LinearWeight linear(const std::string& name) const = 0;
  // "model.embed_tokens.weight" [vocab, hidden], "model.norm.weight" [hidden], norms of blocks; the tensors that the
  // plan names (plan_tensors). Stored type kept.
  virtual at::Tensor tensor(const std::string& name) const = 0;
};

}  // namespace qreason
