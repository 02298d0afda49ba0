// AdamW (Loshchilov and Hutter, arXiv 1711.05101) with PyTorch's defaults and in its float32 operations: betas 0.9 and
// 0.999, epsilon 1e-8, weight decay 0.01.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace qreason {

class AdamW {
 public:
  struct Parameter {
    at::Tensor value;          // a leaf with a gradient after backward()
    double learning_rate = 0;  // of the next step
    at::Tensor mean, square;   // moments
  };

  void add(const at::Tensor& value, double learning_rate);
  std::vector<Parameter>& parameters() { return parameters_; }
  std::int64_t& steps() { return steps_; }

  void clear_gradients();
  // With `factor` times the gradients. Parameters without one stay as they are.
  void step(double factor = 1);

 private:
  std::vector<Parameter> parameters_;
  std::int64_t steps_ = 0;
};

// Cosine annealing (Loshchilov and Hutter, arXiv 1608.03983, equation 5): the rate of step `step` of `steps`.
double cosine_rate(double start, double end, std::int64_t step, std::int64_t steps);

}  // namespace qreason
