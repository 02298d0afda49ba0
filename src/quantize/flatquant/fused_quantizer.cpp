#include "quantize/flatquant/fused_quantizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "quantize/flatquant/run_kernels.h"

namespace qreason {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kTaskNumbers = 1 << 15;

// Calls task(run) for every run of so many numbers, in parallel where there is an executor.
template <class Task>
void for_each_run(const at::Tensor& x, std::int64_t count, Executor* executor, Task&& task) {
  const std::int64_t runs = x.numel() / count, grain = std::max<std::int64_t>(1, kTaskNumbers / count);
  const auto some = [&](std::int64_t part) {
    const std::int64_t end = std::min(runs, (part + 1) * grain);
    for (std::int64_t run = part * grain; run < end; ++run) task(run);
  };
  run_on(executor == nullptr ? nullptr : &executor->pool(), (runs + grain - 1) / grain, some);
}

std::int64_t kept(Executor* executor) {
  return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(executor));
}
Executor* executor_of(AutogradContext* context) {
  return reinterpret_cast<Executor*>(static_cast<std::intptr_t>(context->saved_data["executor"].toInt()));
}

struct TokenRange {
  RunEnds ends, clipped;  // as found; with 0 inside, times the ratios
  RunCodes codes;

  TokenRange(const float* x, std::int64_t count, float max_ratio, float min_ratio, bool symmetric, float highest)
      : ends(ends_of(x, count)) {
    clipped = {std::min(ends.low, 0.0f) * min_ratio, std::max(ends.high, 0.0f) * max_ratio};
    if (symmetric) {
      const float magnitude = std::max(-clipped.low, clipped.high);
      codes = {magnitude == 0 ? 1.0f : magnitude / highest, 0, -(highest + 1), highest};
      return;
    }
    const RunEnds kept = clipped.low == 0 && clipped.high == 0 ? RunEnds{-1, 1} : clipped;
    codes.scale = (kept.high - kept.low) / highest;
    codes.zero = std::nearbyint(-kept.low / codes.scale);
    codes.highest = highest;
  }

  // Of the clipped ends, from that of the scale.
  RunEnds gradient(float of_scale, bool symmetric, float highest) const {
    if (clipped.low == 0 && clipped.high == 0) return {0, 0};
    const float each = of_scale / highest;
    if (!symmetric) return {-each, each};
    return {-each * share_of(-clipped.low, clipped.high), each * share_of(clipped.high, -clipped.low)};
  }
};

class QuantizeRuns : public Function<QuantizeRuns> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, const at::Tensor& max_ratio,
                            const at::Tensor& min_ratio, std::int64_t count, double highest, bool symmetric,
                            Executor* executor) {
    const at::Tensor x = given.contiguous();
    at::Tensor out = at::empty_like(x);
    const float *from = x.const_data_ptr<float>(), *high = max_ratio.const_data_ptr<float>(),
                *low = min_ratio.const_data_ptr<float>();
    float* to = out.data_ptr<float>();
    const std::int64_t groups = max_ratio.numel();
    for_each_run(x, count, executor, [&](std::int64_t run) {
      const float* values = from + run * count;
      const TokenRange range(values, count, high[run % groups], low[run % groups], symmetric,
                             static_cast<float>(highest));
      round_run(values, count, range.codes, to + run * count);
    });
    context->save_for_backward({x, max_ratio, min_ratio});
    context->saved_data["executor"] = kept(executor);
    context->saved_data["count"] = count;
    context->saved_data["highest"] = highest;
    context->saved_data["symmetric"] = symmetric;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    Executor* executor = executor_of(context);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], g = gradients[0].contiguous();
    const std::int64_t count = context->saved_data["count"].toInt(), groups = saved[1].numel();
    const auto highest = static_cast<float>(context->saved_data["highest"].toDouble());
    const bool symmetric = context->saved_data["symmetric"].toBool();
    at::Tensor gx = at::empty_like(x);
    at::Tensor of_ratios = at::empty({2, x.numel() / count / groups, groups}, x.options());
    const float *values = x.const_data_ptr<float>(), *incoming = g.const_data_ptr<float>(),
                *high = saved[1].const_data_ptr<float>(), *low = saved[2].const_data_ptr<float>();
    float *to = gx.data_ptr<float>(), *of_high = of_ratios.data_ptr<float>(), *of_low = of_high + x.numel() / count;
    for_each_run(x, count, executor, [&](std::int64_t run) {
      const float *own = values + run * count, *g_own = incoming + run * count;
      const float max_ratio = high[run % groups], min_ratio = low[run % groups];
      const TokenRange range(own, count, max_ratio, min_ratio, symmetric, highest);
      const float of_scale = round_run_backward(own, g_own, count, range.codes, to + run * count);
      const RunEnds ends = range.gradient(of_scale, symmetric, highest);
      of_high[run] = ends.high * std::max(range.ends.high, 0.0f);
      of_low[run] = ends.low * std::min(range.ends.low, 0.0f);
      add_to_all(own, count, range.ends.high, ends.high * max_ratio * passed_by_zero(range.ends.high, 1),
                 to + run * count);
      add_to_all(own, count, range.ends.low, ends.low * min_ratio * passed_by_zero(range.ends.low, -1),
                 to + run * count);
    });
    const at::Tensor sums = of_ratios.sum(1);
    return {gx, sums[0], sums[1], at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

class ClipRuns : public Function<ClipRuns> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, const at::Tensor& max_ratio,
                            const at::Tensor& min_ratio, Executor* executor) {
    const at::Tensor x = given.contiguous();
    at::Tensor out = at::empty_like(x);
    const std::int64_t count = x.size(-1);
    const float *from = x.const_data_ptr<float>(), *high = max_ratio.const_data_ptr<float>(),
                *low = min_ratio.const_data_ptr<float>();
    float* to = out.data_ptr<float>();
    for_each_run(x, count, executor, [&](std::int64_t run) {
      clip_weights(from + run * count, count, {low[run], high[run]}, to + run * count);
    });
    context->save_for_backward({x, max_ratio, min_ratio});
    context->saved_data["executor"] = kept(executor);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    Executor* executor = executor_of(context);
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], g = gradients[0].contiguous();
    at::Tensor gx = at::empty_like(x), of_max = at::empty_like(saved[1]), of_min = at::empty_like(saved[2]);
    const std::int64_t count = x.size(-1);
    const float *values = x.const_data_ptr<float>(), *incoming = g.const_data_ptr<float>(),
                *high = saved[1].const_data_ptr<float>(), *low = saved[2].const_data_ptr<float>();
    float *to = gx.data_ptr<float>(), *of_high = of_max.data_ptr<float>(), *of_low = of_min.data_ptr<float>();
    for_each_run(x, count, executor, [&](std::int64_t run) {
      const RunEnds found = clip_weights_backward(values + run * count, incoming + run * count, count,
                                                  {low[run], high[run]}, to + run * count);
      of_high[run] = found.high;
      of_low[run] = found.low;
    });
    return {gx, of_max, of_min, at::Tensor()};
  }
};

class QuantizeWeightRuns : public Function<QuantizeWeightRuns> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& given, double highest, Executor* executor) {
    const at::Tensor x = given.contiguous();
    at::Tensor out = at::empty_like(x);
    const std::int64_t count = x.size(-1);
    const float* from = x.const_data_ptr<float>();
    float* to = out.data_ptr<float>();
    for_each_run(x, count, executor, [&](std::int64_t run) {
      round_weights(from + run * count, count, static_cast<float>(highest), to + run * count);
    });
    context->save_for_backward({x});
    context->saved_data["executor"] = kept(executor);
    context->saved_data["highest"] = highest;
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    Executor* executor = executor_of(context);
    const at::Tensor x = context->get_saved_variables()[0], g = gradients[0].contiguous();
    const auto highest = static_cast<float>(context->saved_data["highest"].toDouble());
    at::Tensor gx = at::empty_like(x);
    const std::int64_t count = x.size(-1);
    const float *values = x.const_data_ptr<float>(), *incoming = g.const_data_ptr<float>();
    float* to = gx.data_ptr<float>();
    for_each_run(x, count, executor, [&](std::int64_t run) {
      round_weights_backward(values + run * count, incoming + run * count, count, highest, to + run * count);
    });
    return {gx, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

bool can_fuse(const at::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == at::kFloat;
}

at::Tensor fused_quantize(const at::Tensor& x, const QuantFormat& format, std::int64_t run, const at::Tensor& max_ratio,
                          const at::Tensor& min_ratio, Executor* executor) {
  return QuantizeRuns::apply(x, max_ratio, min_ratio, run, static_cast<double>(format.max_code()),
                             format.symmetry == Symmetry::kSymmetric, executor);
}

at::Tensor fused_clip(const at::Tensor& weights, const at::Tensor& max_ratio, const at::Tensor& min_ratio,
                      Executor* executor) {
  return ClipRuns::apply(weights, max_ratio, min_ratio, executor);
}

at::Tensor fused_quantize_weights(const at::Tensor& weights, const QuantFormat& format, Executor* executor) {
  return QuantizeWeightRuns::apply(weights, static_cast<double>(format.max_code()), executor);
}

}  // namespace qreason
