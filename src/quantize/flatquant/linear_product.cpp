#include "quantize/flatquant/linear_product.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "kernels/matmul.h"

namespace qreason {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

struct HeldMaker : torch::CustomClassHolder {
  HeldMaker(WeightMaker maker, Executor& own) : make(std::move(maker)), executor(own) {}
  WeightMaker make;
  Executor& executor;
};

at::Tensor rows_of(const at::Tensor& x) {
  return x.reshape({-1, x.size(-1)}).contiguous();
}

// a b of matrices, each as it is or transposed.
at::Tensor multiplied(const at::Tensor& a, Operand a_stored, const at::Tensor& b, Operand b_stored,
                      Executor& executor) {
  const bool a_turned = a_stored == Operand::kTransposed, b_turned = b_stored == Operand::kTransposed;
  const bool plain = !a.is_cpu() || a.scalar_type() != at::kFloat || b.scalar_type() != at::kFloat;
  if (plain) return at::matmul(a_turned ? a.t() : a, b_turned ? b.t() : b);
  const std::int64_t m = a.size(a_turned ? 1 : 0), k = a.size(a_turned ? 0 : 1), n = b.size(b_turned ? 0 : 1);
  at::Tensor c = at::empty({m, n}, a.options().requires_grad(false));
  dense_product({.a = a.const_data_ptr<float>(),
                 .a_stride = a.size(1),
                 .a_stored = a_stored,
                 .b = b.const_data_ptr<float>(),
                 .b_stride = b.size(1),
                 .b_stored = b_stored,
                 .c = c.data_ptr<float>(),
                 .c_stride = n,
                 .m = m,
                 .n = n,
                 .k = k},
                executor);
  return c;
}

class LinearProduct : public Function<LinearProduct> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, at::TensorList parts,
                            const c10::intrusive_ptr<HeldMaker>& maker) {
    const at::Tensor weights = maker->make(parts.vec()).contiguous(), rows = rows_of(x);
    variable_list saved = parts.vec();
    saved.push_back(x);
    context->save_for_backward(saved);
    context->saved_data["maker"] = c10::IValue::make_capsule(maker);
    std::vector<std::int64_t> sizes = x.sizes().vec();
    sizes.back() = weights.size(0);
    return multiplied(rows, Operand::kAsItIs, weights, Operand::kTransposed, maker->executor).view(sizes);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    variable_list saved = context->get_saved_variables();
    const at::Tensor x = saved.back(), g = rows_of(gradients[0]);
    saved.pop_back();
    const auto held = context->saved_data["maker"].toCapsule();
    const auto& maker = static_cast<const HeldMaker&>(*held);
    variable_list found(saved.size() + 2);
    const variable_list parts = leaves_of(context, saved);
    at::Tensor weights;
    {
      const at::AutoGradMode with_gradients(true);
      weights = maker.make(parts);
    }
    if (context->needs_input_grad(0)) {
      found[0] = multiplied(g, Operand::kAsItIs, weights.detach().contiguous(), Operand::kAsItIs, maker.executor)
                     .view(x.sizes());
    }
    if (weights.requires_grad()) add_gradients(weights, of_weights(g, x, maker), parts, found);
    return found;
  }

 private:
  static variable_list leaves_of(AutogradContext* context, const variable_list& saved) {
    variable_list parts;
    for (std::size_t i = 0; i < saved.size(); ++i) {
      parts.push_back(saved[i].detach().requires_grad_(context->needs_input_grad(i + 1)));
    }
    return parts;
  }

  static at::Tensor of_weights(const at::Tensor& g, const at::Tensor& x, const HeldMaker& maker) {
    return multiplied(g, Operand::kTransposed, rows_of(x), Operand::kAsItIs, maker.executor);
  }

  static void add_gradients(const at::Tensor& weights, const at::Tensor& gradient, const variable_list& parts,
                            variable_list& found) {
    variable_list wanted;
    for (const at::Tensor& part : parts) {
      if (part.requires_grad()) wanted.push_back(part);
    }
    const variable_list got = torch::autograd::grad({weights}, wanted, {gradient});
    std::size_t next = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].requires_grad()) found[i + 1] = got[next++];
    }
  }
};

}  // namespace

at::Tensor linear_product(const at::Tensor& x, const WeightMaker& make, const std::vector<at::Tensor>& parts,
                          Executor& executor) {
  return LinearProduct::apply(x, at::TensorList(parts), c10::make_intrusive<HeldMaker>(make, executor));
}

}  // namespace qreason
