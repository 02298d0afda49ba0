#include "kernels/rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/isa.h"
#include "formats/reference_quantizer.h"
#include "kernels/cpu/row_kernels.h"
#include "kernels/cpu_backend.h"

namespace qreason {

const RowKernels& row_kernels() {
  return of_isa(kRowsGeneric, kRowsAvx2, kRowsAvx512);
}

namespace {

// Numbers a task works on: enough that handing it to a thread pays.
constexpr std::int64_t kTaskNumbers = 1 << 14;

// Calls body(first, end) for runs of items that each cost `cost` numbers.
template <class Body>
void by_tasks(std::int64_t items, std::int64_t cost, Executor& executor, Body&& body) {
  const std::int64_t step = std::max<std::int64_t>(1, kTaskNumbers / std::max<std::int64_t>(1, cost));
  executor.run((items + step - 1) / step,
               [&](std::int64_t task) { body(task * step, std::min(items, (task + 1) * step)); });
}

void quantize_dequantize_run(const RowKernels& kernels, std::span<float> run, const RowQuantizer& quantizer,
                             ClipRatios clip) {
  const QuantFormat& format = quantizer.format;
  if (format.kind != NumberKind::kInteger || format.search != RangeSearch::kNone) {
    qreason::quantize_dequantize(run, format, run, quantizer.global_scale);
    return;
  }
  const RunRange found = kernels.range(run.data(), static_cast<std::int64_t>(run.size()));
  if (!found.finite) {
    find_parameters(run, format);  // the reference's own error
    throw Error("quantizer", "a group that is not finite", "finite values");
  }
  Range range{.low = found.low, .high = found.high};
  if (format.rule == RangeRule::kTokenRange) range = token_range(range, clip);
  const GroupParameters parameters = parameters_of_range(range, format);
  const auto highest = static_cast<float>(format.max_code());
  kernels.quantize({.x = run.data(),
                    .count = static_cast<std::int64_t>(run.size()),
                    .scale = parameters.scale,
                    .zero = parameters.zero,
                    .lowest_code = format.symmetry == Symmetry::kSymmetric ? -(highest + 1) : 0.0f,
                    .highest_code = highest});
}

}  // namespace

void CpuBackend::rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon,
                          float* out, Executor& executor) const {
  const RowKernels& kernels = row_kernels();
  by_tasks(rows, width, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) kernels.rms_norm(x + r * width, width, gain, epsilon, out + r * width);
  });
}

void CpuBackend::rope(const RopeArguments& a, Executor& executor) const {
  const RowKernels& kernels = row_kernels();
  const std::int64_t half = a.head_dim / 2;
  by_tasks(a.rows, a.heads * a.head_dim, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) {
      kernels.rope({.x = a.x + r * a.stride,
                    .heads = a.heads,
                    .half = half,
                    .cosine = a.cosine + a.positions[r] * half,
                    .sine = a.sine + a.positions[r] * half});
    }
  });
}

void CpuBackend::silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width,
                               Executor& executor) const {
  const RowKernels& kernels = row_kernels();
  // An exp costs as much as several plain operations.
  by_tasks(rows, 4 * width, executor, [&](std::int64_t first, std::int64_t end) {
    kernels.silu_multiply(gate + first * width, up + first * width, (end - first) * width);
  });
}

void CpuBackend::add_in_place(float* x, const float* y, std::int64_t count, Executor& executor) const {
  const RowKernels& kernels = row_kernels();
  by_tasks(count, 1, executor,
           [&](std::int64_t first, std::int64_t end) { kernels.add(x + first, y + first, end - first); });
}

void CpuBackend::add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width,
                             Executor& executor) const {
  const RowKernels& kernels = row_kernels();
  by_tasks(rows, width, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) kernels.add(x + r * width, y, width);
  });
}

void CpuBackend::select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                             Executor& executor) const {
  by_tasks(static_cast<std::int64_t>(rows.size()), width, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t i = first; i < end; ++i) {
      std::copy_n(x + rows[static_cast<std::size_t>(i)] * width, width, out + i * width);
    }
  });
}

void CpuBackend::quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width,
                                          const RowQuantizer& quantizer, Executor& executor) const {
  const QuantFormat& format = quantizer.format;
  const auto [lows, highs] = quantizer.clips;
  const bool grouped = format.granularity == Granularity::kTokenGroup;
  if (!grouped && format.granularity != Granularity::kToken) {
    throw Error("quantize_dequantize_rows", to_string(format), "a format per token or per token and group");
  }
  const RowKernels& kernels = row_kernels();
  const std::int64_t run = grouped ? std::max(1, format.group_size) : width;
  by_tasks(rows, 2 * width, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) {
      for (std::int64_t i = 0, group = 0; i < width; i += run, ++group) {
        const auto count = static_cast<std::size_t>(std::min(run, width - i));
        const ClipRatios clip = lows == nullptr ? ClipRatios{.low = format.clip_ratio, .high = format.clip_ratio}
                                                : ClipRatios{.low = lows[group], .high = highs[group]};
        quantize_dequantize_run(kernels, {x + r * width + i, count}, quantizer, clip);
      }
    }
  });
}

void CpuBackend::quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges,
                                              const QuantFormat& format, Executor& executor) const {
  by_tasks(rows, 4 * ranges.width, executor, [&](std::int64_t first, std::int64_t end) {
    for (std::int64_t r = first; r < end; ++r) {
      float* values = x + r * ranges.width;
      for (std::int64_t c = 0; c < ranges.width; ++c) {
        const GroupParameters parameters{.scale = ranges.scales[c], .zero = ranges.zeros[c]};
        values[c] = decode(encode(values[c], parameters, format), parameters, format);
      }
    }
  });
}

double log_sum_exp(std::span<const float> x) {
  if (x.empty()) throw Error("log_sum_exp", "no numbers", "at least one");
  return row_kernels().log_sum_exp(x.data(), static_cast<std::int64_t>(x.size()));
}

std::int64_t arg_max(std::span<const float> x) {
  if (x.empty()) throw Error("arg_max", "no numbers", "at least one");
  return row_kernels().arg_max(x.data(), static_cast<std::int64_t>(x.size()));
}

}  // namespace qreason
