// Where the runner puts what is finished: one part per block and one for the tensors outside of the blocks. The
// checkpoint layer, which this layer does not know, is behind it.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "model/weights.h"

namespace qreason {

class BlockSink {
 public:
  virtual ~BlockSink() = default;
  virtual void put_linear(const std::string& name, const LinearWeight& weight) = 0;  // into the part being collected
  virtual void put_tensor(const std::string& name, const at::Tensor& tensor) = 0;
  virtual void finish_part(const std::string& part) = 0;  // durable and whole on return
  virtual bool has_part(const std::string& part) const = 0;
  virtual void remove_part(const std::string& part) = 0;
  virtual LinearWeight read_linear(const std::string& part, const std::string& name) const = 0;
  virtual at::Tensor read_tensor(const std::string& part, const std::string& name) const = 0;
  // Every part is there; `config` and `plan` are those of the model that they make.
  virtual void finish_model(const ModelConfig& config, const ModelPlan& plan) = 0;
};

}  // namespace qreason
