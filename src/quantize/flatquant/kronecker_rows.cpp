#include "quantize/flatquant/kronecker_rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "kernels/matmul.h"
#include "quantize/flatquant/run_kernels.h"

namespace qreason {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kCachedFloats = 1 << 15;  // of rows that are worked on at once
constexpr std::int64_t kTasks = 64;              // whose gradients are added in order

enum class Ending { kNone, kClipped, kRounded };

const float* values_of(const at::Tensor& tensor) {
  return tensor.const_data_ptr<float>();
}

// The operands, and what happens to some rows.
struct Transform {
  const float *x, *scale, *left, *right, *max_ratio, *min_ratio;
  std::int64_t rows, stride, l, r;
  Ending ending;
  float highest;
  Executor& executor;

  std::int64_t width() const { return l * r; }
  std::int64_t batch() const { return std::max<std::int64_t>(1, kCachedFloats / width()); }
  RunEnds ratios(std::int64_t row) const { return {min_ratio[row], max_ratio[row]}; }

  // Calls task(its number, first row, end) for parts of the rows that depend on their number alone.
  template <class Task>
  void run(Task&& task) const {
    const std::int64_t each = (rows + kTasks - 1) / kTasks;
    executor.run((rows + each - 1) / each,
                 [&](std::int64_t part) { task(part, part * each, std::min(rows, (part + 1) * each)); });
  }

  // scaled = x diag(s), halfway = scaled (1 kron R), out = halfway (L kron 1) of rows [first, first + count).
  void forward(std::int64_t first, std::int64_t count, float* scaled, float* halfway, float* out) const {
    for (std::int64_t i = 0; i < count; ++i) {
      const float* from = x + (first + i) * stride;
      for (std::int64_t j = 0; j < width(); ++j) scaled[i * width() + j] = from[j] * scale[j];
    }
    dense_product({.a = scaled,
                   .a_stride = r,
                   .b = right,
                   .b_stride = r,
                   .c = halfway,
                   .c_stride = r,
                   .m = count * l,
                   .n = r,
                   .k = r},
                  executor);
    for (std::int64_t i = 0; i < count; ++i) {
      dense_product({.a = left,
                     .a_stride = l,
                     .a_stored = Operand::kTransposed,
                     .b = halfway + i * width(),
                     .b_stride = r,
                     .c = out + i * width(),
                     .c_stride = r,
                     .m = l,
                     .n = r,
                     .k = l},
                    executor);
    }
  }
};

// Gradients of what all rows share, of the rows of one task.
struct SharedGradients {
  float *scale, *left, *right;
};

struct RowBuffers {
  std::vector<float> scaled, halfway, out, clipped, g, g_halfway;

  explicit RowBuffers(const Transform& t) {
    const auto floats = static_cast<std::size_t>(t.batch() * t.width());
    for (std::vector<float>* buffer : {&scaled, &halfway, &out, &clipped, &g, &g_halfway}) buffer->resize(floats);
  }
};

void finish_rows(const Transform& t, std::int64_t first, std::int64_t count, RowBuffers& b, float* out) {
  const std::int64_t width = t.width();
  for (std::int64_t i = 0; i < count; ++i) {
    const float* row = b.out.data() + i * width;
    float* to = out + (first + i) * width;
    if (t.ending == Ending::kNone) std::copy_n(row, width, to);
    if (t.ending == Ending::kClipped) clip_weights(row, width, t.ratios(first + i), to);
    if (t.ending == Ending::kRounded) {
      clip_weights(row, width, t.ratios(first + i), b.clipped.data());
      round_weights(b.clipped.data(), width, t.highest, to);
    }
  }
}

// The gradient of the transformed rows, in b.g, from that of the result; of_ratios [2, rows]: of max and min.
void finish_rows_backward(const Transform& t, std::int64_t first, std::int64_t count, RowBuffers& b, const float* g,
                          float* of_ratios) {
  const std::int64_t width = t.width();
  for (std::int64_t i = 0; i < count; ++i) {
    const float *row = b.out.data() + i * width, *incoming = g + (first + i) * width;
    float* to = b.g.data() + i * width;
    if (t.ending == Ending::kNone) {
      std::copy_n(incoming, width, to);
      continue;
    }
    const RunEnds ratios = t.ratios(first + i);
    if (t.ending == Ending::kRounded) {
      clip_weights(row, width, ratios, b.clipped.data());
      round_weights_backward(b.clipped.data(), incoming, width, t.highest, b.g_halfway.data());
      incoming = b.g_halfway.data();
    }
    const RunEnds found = clip_weights_backward(row, incoming, width, ratios, to);
    of_ratios[first + i] = found.high;
    of_ratios[t.rows + first + i] = found.low;
  }
}

// From b.g, which becomes the gradient of the scaled rows.
void transform_backward(const Transform& t, std::int64_t count, RowBuffers& b, const SharedGradients& shared) {
  const std::int64_t width = t.width(), l = t.l, r = t.r;
  for (std::int64_t i = 0; i < count; ++i) {
    const float* g = b.g.data() + i * width;
    dense_product({.a = b.halfway.data() + i * width,
                   .a_stride = r,
                   .b = g,
                   .b_stride = r,
                   .b_stored = Operand::kTransposed,
                   .c = shared.left,
                   .c_stride = l,
                   .m = l,
                   .n = l,
                   .k = r,
                   .store = MatmulStore::kAdd},
                  t.executor);
    dense_product({.a = t.left,
                   .a_stride = l,
                   .b = g,
                   .b_stride = r,
                   .c = b.g_halfway.data() + i * width,
                   .c_stride = r,
                   .m = l,
                   .n = r,
                   .k = l},
                  t.executor);
  }
  dense_product({.a = b.scaled.data(),
                 .a_stride = r,
                 .a_stored = Operand::kTransposed,
                 .b = b.g_halfway.data(),
                 .b_stride = r,
                 .c = shared.right,
                 .c_stride = r,
                 .m = r,
                 .n = r,
                 .k = count * l,
                 .store = MatmulStore::kAdd},
                t.executor);
  dense_product({.a = b.g_halfway.data(),
                 .a_stride = r,
                 .b = t.right,
                 .b_stride = r,
                 .b_stored = Operand::kTransposed,
                 .c = b.g.data(),
                 .c_stride = r,
                 .m = count * l,
                 .n = r,
                 .k = r},
                t.executor);
}

// gx may be null.
void scale_backward(const Transform& t, std::int64_t first, std::int64_t count, const RowBuffers& b, float* of_scale,
                    float* gx) {
  const std::int64_t width = t.width();
  for (std::int64_t i = 0; i < count; ++i) {
    const float *g = b.g.data() + i * width, *x = t.x + (first + i) * t.stride;
    for (std::int64_t j = 0; j < width; ++j) of_scale[j] += g[j] * x[j];
    if (gx == nullptr) continue;
    float* to = gx + (first + i) * width;
    for (std::int64_t j = 0; j < width; ++j) to[j] = g[j] * t.scale[j];
  }
}

// Rows whose distance in memory is always the same.
at::Tensor evenly_spaced(const at::Tensor& x) {
  const bool even = x.dim() == 2 && x.stride(1) == 1;
  return even ? x : x.contiguous();
}

std::int64_t stride_of(const at::Tensor& x) {
  return x.dim() == 2 ? x.stride(0) : x.size(-1);
}

class KroneckerRows : public Function<KroneckerRows> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, const at::Tensor& scale,
                            const at::Tensor& left, const at::Tensor& right, const at::Tensor& max_ratio,
                            const at::Tensor& min_ratio, std::int64_t ending, double highest, Executor* executor) {
    const variable_list saved{evenly_spaced(given), scale.contiguous(),     left.contiguous(),
                              right.contiguous(),   max_ratio.contiguous(), min_ratio.contiguous()};
    context->save_for_backward(saved);
    context->saved_data["ending"] = ending;
    context->saved_data["highest"] = highest;
    context->saved_data["executor"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(executor));
    at::Tensor out = at::empty(given.sizes(), scale.options());
    float* to = out.data_ptr<float>();
    const Transform t = transform_of(context, saved);
    t.run([&](std::int64_t, std::int64_t first, std::int64_t end) {
      RowBuffers b(t);
      for (; first < end; first += t.batch()) {
        const std::int64_t count = std::min(t.batch(), end - first);
        t.forward(first, count, b.scaled.data(), b.halfway.data(), b.out.data());
        finish_rows(t, first, count, b, to);
      }
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const Transform t = transform_of(context, saved);
    const at::Tensor g = gradients[0].contiguous();
    const at::TensorOptions options = g.options();
    const std::int64_t l2 = t.l * t.l, r2 = t.r * t.r;
    at::Tensor gx, of_ratios = at::zeros({2, t.ending == Ending::kNone ? 0 : t.rows}, options);
    if (context->needs_input_grad(0)) gx = at::empty(g.sizes(), options);
    at::Tensor shared = at::zeros({kTasks, l2 + r2 + t.width()}, options);
    t.run([&](std::int64_t task, std::int64_t first, std::int64_t end) {
      float* own = shared.data_ptr<float>() + task * shared.size(1);
      const SharedGradients sums{.scale = own + l2 + r2, .left = own, .right = own + l2};
      RowBuffers b(t);
      for (; first < end; first += t.batch()) {
        const std::int64_t count = std::min(t.batch(), end - first);
        t.forward(first, count, b.scaled.data(), b.halfway.data(), b.out.data());
        finish_rows_backward(t, first, count, b, g.const_data_ptr<float>(), of_ratios.data_ptr<float>());
        transform_backward(t, count, b, sums);
        scale_backward(t, first, count, b, sums.scale, gx.defined() ? gx.data_ptr<float>() : nullptr);
      }
    });
    const at::Tensor sum = shared.sum(0);
    variable_list found(9);
    found[0] = gx;
    found[1] = sum.narrow(0, l2 + r2, t.width());
    found[2] = sum.narrow(0, 0, l2).view({t.l, t.l});
    found[3] = sum.narrow(0, l2, r2).view({t.r, t.r});
    if (t.ending == Ending::kNone) return found;
    found[4] = of_ratios[0].view(saved[4].sizes());
    found[5] = of_ratios[1].view(saved[5].sizes());
    return found;
  }

 private:
  static Transform transform_of(AutogradContext* context, const variable_list& saved) {
    const at::Tensor& x = saved[0];
    return {
        .x = values_of(x),
        .scale = values_of(saved[1]),
        .left = values_of(saved[2]),
        .right = values_of(saved[3]),
        .max_ratio = values_of(saved[4]),
        .min_ratio = values_of(saved[5]),
        .rows = x.numel() / x.size(-1),
        .stride = stride_of(x),
        .l = saved[2].size(0),
        .r = saved[3].size(0),
        .ending = static_cast<Ending>(context->saved_data["ending"].toInt()),
        .highest = static_cast<float>(context->saved_data["highest"].toDouble()),
        .executor = *reinterpret_cast<Executor*>(static_cast<std::intptr_t>(context->saved_data["executor"].toInt()))};
  }
};

at::Tensor apply(const at::Tensor& x, const KroneckerFactors& factors, const RowRatios& ratios, Ending ending,
                 float highest, Executor& executor) {
  return KroneckerRows::apply(x, factors.scale, factors.left, factors.right, ratios.max, ratios.min,
                              static_cast<std::int64_t>(ending), static_cast<double>(highest), &executor);
}

}  // namespace

at::Tensor kronecker_rows(const at::Tensor& x, const KroneckerFactors& factors, Executor& executor) {
  const at::Tensor none = at::empty({0}, x.options());
  return apply(x, factors, {none, none}, Ending::kNone, 0, executor);
}

at::Tensor kronecker_weights(const at::Tensor& weights, const KroneckerFactors& factors, const RowRatios& ratios,
                             std::optional<float> highest, Executor& executor) {
  return apply(weights, factors, ratios, highest ? Ending::kRounded : Ending::kClipped, highest.value_or(0), executor);
}

}  // namespace qreason
