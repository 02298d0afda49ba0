// Row-wise kernels of the decoder. Rows are independent; results do not depend on batch or threads, nor (AVX2 and up)
// on the instruction set.
#pragma once

#include <cstdint>
#include <span>

#include "formats/quant_format.h"
#include "kernels/executor.h"
#include "kernels/row_quantizer.h"

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
// x[r, :] += y, x [rows, width].
void add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width, Executor& executor);

// out[i, :] = x[rows[i], :], both of this width.
void select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                 Executor& executor);

// A linear map of every run of left x right values of a row, as a matrix X [left, right]: X becomes L^T X R
// (model/online_transform.h). A null factor is one. Sums run in the order of the index that is summed. kHadamard: a
// value is `lanes` numbers side by side, and the whole is divided by sqrt(left * right).
struct RunTransform {
  std::int64_t left = 1, right = 1, lanes = 1;
  enum class Right { kMatrix, kHadamard } kind = Right::kMatrix;  // kHadamard: Sylvester's of order `right`
  const float* left_matrix = nullptr;                             // [left, left] of the first run, row-major
  const float* right_matrix = nullptr;                            // [right, right]
  std::int64_t left_step = 0, right_step = 0;  // from one run's matrix to the next one's; 0: all share one
};
// x [rows, width] in place; width is a multiple of left * right * lanes.
void transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform, Executor& executor);

// Quantize-dequantize of activation rows in place, format kToken (per row) or kTokenGroup (per row and run of
// group_size). Equal to the reference quantizer bit for bit.
void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                              Executor& executor);

// Quantize-dequantize with parameters that are known before the rows: column c of every row of x [rows, width] with
// the c-th scale and zero point.
struct ChannelRanges {
  const float* scales = nullptr;  // [width]
  const float* zeros = nullptr;   // [width]
  std::int64_t width = 0;
};
void quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges, const QuantFormat& format,
                                  Executor& executor);

// On the host, whatever the backend: log(sum(exp(x))) in float32 pieces summed in double; index of the first largest
// value.
double log_sum_exp(std::span<const float> x);
std::int64_t arg_max(std::span<const float> x);

}  // namespace qreason
