// What a device has found, for the host.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace qreason {

// All values in their order, rounded to float32 or widened to double. Waits for the device.
inline std::vector<float> host_floats(const at::Tensor& tensor) {
  const at::Tensor here = tensor.to(at::kCPU, at::kFloat).contiguous();
  return {here.const_data_ptr<float>(), here.const_data_ptr<float>() + here.numel()};
}
inline std::vector<double> host_doubles(const at::Tensor& tensor) {
  const at::Tensor here = tensor.to(at::kCPU, at::kDouble).contiguous();
  return {here.const_data_ptr<double>(), here.const_data_ptr<double>() + here.numel()};
}

}  // namespace qreason
