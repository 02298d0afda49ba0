// The processor in the class of arithmetic `fast`: products in dot products of bfloat16 pairs (AVX512_BF16) with
// float32 accumulation. All but the weights and their products is CpuBackend's.
//
// y[r, n] of a weight, from +0:
//   total = fma(scale, fma(-zero, X, S), total)   run after run
//   S = dot over the run's pairs of (x, c), X = the same of (x, 1)
// A run is the next 256 columns of a group (of the row, where there are no groups), group after group; the columns of a
// group are in order, though GPTQ's group index may scatter them. Its columns are paired from the first; an odd last
// one's partner is 0. A pair adds its second product and then its first, each one fused multiply-add in float32, ties
// to even, where denormals count as zero and become zero: the published operation of vdpbf16ps.
//   x  rounded to bfloat16, nearest, ties to even, once a product; denormals are zero
//   c  bfloat16 weights as stored; float32 weights rounded to bfloat16 (nearest, ties to even) when they are packed;
//      quantized weights as the numbers that their codes stand for, exactly: signed integers of symmetric formats,
//      codes of asymmetric ones, FP8, FP4
//   scale, zero  of the group in float32; 1 and 0 for weights that are not quantized, 0 for all but asymmetric integers
// So a row's bits depend neither on the other rows, nor on threads, nor on the weights that share the input.
#pragma once

#include <span>
#include <string>

#include "kernels/cpu_backend.h"

namespace qreason {

// Only for machines where missing_for(Arithmetic::kFast) is empty: its kernels end the program on others.
class FastCpuBackend : public CpuBackend {
 public:
  Arithmetic arithmetic() const override { return Arithmetic::kFast; }

  // Kept as bfloat16: gather_rows hands out the rounded values.
  PackedMatrix pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                            ThreadPool* pool) const override;
  PackedMatrix pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                             ThreadPool* pool) const override;
  PackedMatrix pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const override;

  void multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const override;
  std::string explain(const PackedMatrix& w, std::int64_t rows) const override;
  void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                   Executor& executor) const override;
};

}  // namespace qreason
