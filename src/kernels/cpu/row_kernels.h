// The table of row-wise kernels of one instruction set: one row, or one run of numbers, at a time.
#pragma once

#include <cstdint>

#include "formats/reference_quantizer.h"

namespace qreason {

struct QuantizeRun {
  float* x = nullptr;
  std::int64_t count = 0;
  float scale = 1.0f;
  float zero = 0.0f;
  float lowest_code = 0.0f;
  float highest_code = 0.0f;
};

struct RopeRow {
  float* x = nullptr;
  std::int64_t heads = 0;
  std::int64_t half = 0;          // head_dim / 2
  const float* cosine = nullptr;  // [half]
  const float* sine = nullptr;
};

// Smallest and largest number of a run; `finite` is false when it holds a NaN or an infinity.
struct RunRange {
  float low = 0.0f;
  float high = 0.0f;
  bool finite = true;
};

struct RowKernels {
  void (*rms_norm)(const float* x, std::int64_t width, const float* gain, float epsilon, float* out);
  void (*rope)(const RopeRow&);
  void (*silu_multiply)(float* gate, const float* up, std::int64_t count);
  void (*add)(float* x, const float* y, std::int64_t count);
  void (*add_multiple)(float a, const float* x, std::int64_t count, float* y);  // y += a x, the product rounded first
  void (*sum_and_difference)(float* a, float* b, std::int64_t count);           // a, b become a + b, a - b
  RunRange (*range)(const float* x, std::int64_t count);
  void (*quantize)(const QuantizeRun&);
  double (*log_sum_exp)(const float* x, std::int64_t count);
  std::int64_t (*arg_max)(const float* x, std::int64_t count);
  void (*exp)(const float* x, std::int64_t count, float* out);  // for tests
};

extern const RowKernels kRowsGeneric;
extern const RowKernels kRowsAvx2;
extern const RowKernels kRowsAvx512;

// Of the instruction set in use.
const RowKernels& row_kernels();

}  // namespace qreason
