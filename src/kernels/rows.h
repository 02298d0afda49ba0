// Row-wise kernels of the decoder. Rows are independent; results do not depend on batch or threads, nor (AVX2 and up)
// on the instruction set.
#pragma once

#include <cstdint>
#include <span>

#include "formats/quant_format.h"
#include "kernels/executor.h"

namespace qreason {

// out[r, :] = x[r, :] / sqrt(mean(x[r, :]^2) + epsilon) * gain. x, out [rows, width]; in place allowed.
void rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon, float* out,
              Executor& executor);

// Rotary embedding, rotate-half form (HF): for head h, i < head_dim/2, angle = position * inverse_frequency[i]:
// (a, b) = (x[i], x[i + head_dim/2]) -> (a cos - b sin, b cos + a sin). x [rows, heads * head_dim] in place.
struct RopeArguments {
  float* x = nullptr;
  std::int64_t rows = 0;
  std::int64_t stride = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  const std::int32_t* positions = nullptr;  // [rows]
  const float* cosine = nullptr;            // [positions, head_dim / 2] tables
  const float* sine = nullptr;
};
void rope(const RopeArguments& arguments, Executor& executor);

// gate[r, i] = silu(gate[r, i]) * up[r, i], in place in gate.
void silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width, Executor& executor);

// x += y, both [count].
void add_in_place(float* x, const float* y, std::int64_t count, Executor& executor);

// Quantize-dequantize of activation rows in place, format kToken (per row) or kTokenGroup (per row and run of
// group_size). Equal to the reference quantizer bit for bit.
void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const QuantFormat& format,
                              Executor& executor);

// log(sum(exp(x))) in float32 pieces summed in double; index of the first largest value.
double log_sum_exp(std::span<const float> x);
std::int64_t arg_max(std::span<const float> x);

}  // namespace qreason
