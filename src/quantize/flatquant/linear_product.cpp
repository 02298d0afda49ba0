#include "quantize/flatquant/linear_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/matmul.h"

namespace qreason {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct Rows {
  std::int64_t count, width;
  const float* values;
  explicit Rows(const at::Tensor& x)
      : count(x.numel() / x.size(-1)), width(x.size(-1)), values(x.const_data_ptr<float>()) {}
};

class LinearProduct : public Function<LinearProduct> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, const at::Tensor& matrix,
                            Executor* executor) {
    const at::Tensor x = given.contiguous(), weights = matrix.contiguous();
    std::vector<std::int64_t> sizes = x.sizes().vec();
    sizes.back() = weights.size(0);
    at::Tensor out = at::empty(sizes, x.options());
    const Rows rows(x), outputs(weights);
    dense_product({.a = rows.values,
                   .a_stride = rows.width,
                   .b = outputs.values,
                   .b_stride = outputs.width,
                   .b_stored = Operand::kTransposed,
                   .c = out.data_ptr<float>(),
                   .c_stride = outputs.count,
                   .m = rows.count,
                   .n = outputs.count,
                   .k = rows.width},
                  *executor);
    context->save_for_backward({x, weights});
    context->saved_data["executor"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(executor));
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    Executor& executor =
        *reinterpret_cast<Executor*>(static_cast<std::intptr_t>(context->saved_data["executor"].toInt()));
    const at::Tensor g = gradients[0].contiguous();
    variable_list found(3);
    if (context->needs_input_grad(0)) found[0] = of_rows(g, saved[0], saved[1], executor);
    if (context->needs_input_grad(1)) found[1] = of_weights(g, saved[0], saved[1], executor);
    return found;
  }

 private:
  // g W
  static at::Tensor of_rows(const at::Tensor& g, const at::Tensor& x, const at::Tensor& weights, Executor& executor) {
    at::Tensor gradient = at::empty_like(x);
    const Rows rows(g), outputs(weights);
    dense_product({.a = rows.values,
                   .a_stride = rows.width,
                   .b = outputs.values,
                   .b_stride = outputs.width,
                   .c = gradient.data_ptr<float>(),
                   .c_stride = outputs.width,
                   .m = rows.count,
                   .n = outputs.width,
                   .k = rows.width},
                  executor);
    return gradient;
  }

  // g^T x
  static at::Tensor of_weights(const at::Tensor& g, const at::Tensor& x, const at::Tensor& weights,
                               Executor& executor) {
    at::Tensor gradient = at::empty_like(weights);
    const Rows of_outputs(g), rows(x);
    dense_product({.a = of_outputs.values,
                   .a_stride = of_outputs.width,
                   .a_stored = Operand::kTransposed,
                   .b = rows.values,
                   .b_stride = rows.width,
                   .c = gradient.data_ptr<float>(),
                   .c_stride = rows.width,
                   .m = of_outputs.width,
                   .n = rows.width,
                   .k = rows.count},
                  executor);
    return gradient;
  }
};

}  // namespace

at::Tensor linear_product(const at::Tensor& x, const at::Tensor& weights, Executor& executor) {
  const bool plain = !x.is_cpu() || x.scalar_type() != at::kFloat || weights.scalar_type() != at::kFloat;
  if (plain) return at::matmul(x, weights.t());
  return LinearProduct::apply(x, weights, &executor);
}

}  // namespace qreason
