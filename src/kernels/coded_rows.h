// Quantized rows as codes with what an integer product needs: what a site of the decoder hands to its linears where the
// plan quantizes it, made once for all linears that share the input.
//
// Row r, column c, g = c / group_size, u = c / kSumColumns:
//   value = scales[r, g] * (element(codes[r, c]) - zeros[r, g])      (element: formats/quantized_matrix.h)
//   sums[r, u] = sum of the codes of unit u
// With weights sw (qw - zw) whose groups, like the rows' own, are whole units, the part of a product that lies in a run
// of columns with one scale on either side is
//   s sw (sum q qw - zw sum q - z sum qw + n z zw),
// whole numbers inside the bracket; `sums` has its second term. What a product of coded rows is, though, is defined by
// decoding them and multiplying floats.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/quant_format.h"
#include "kernels/executor.h"

namespace qreason {

class CodedRows {
 public:
  static constexpr std::int64_t kSumColumns = 32;

  // Quantizes x [rows, width], format kToken (a group is a row) or kTokenGroup (the last may be shorter), with the
  // parameters and codes of the reference quantizer. What was held before is replaced; memory is kept. A number that is
  // not finite and another granularity are Errors.
  void encode(const float* x, std::int64_t rows, std::int64_t width, const QuantFormat& format, Executor& executor);
  // The values, out [rows, width]: what quantize_dequantize_rows leaves in x.
  void decode(float* out, Executor& executor) const;

  const QuantFormat& format() const { return format_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t width() const { return width_; }
  std::int64_t groups() const { return groups_; }  // of a row
  std::int64_t group_size() const { return group_size_; }
  std::int64_t units() const { return (width_ + kSumColumns - 1) / kSumColumns; }
  const std::uint8_t* codes() const { return codes_.data(); }  // [rows, width], integers as QuantizedMatrix has them
  const float* scales() const { return scales_.data(); }       // [rows, groups]
  const float* zeros() const { return zeros_.data(); }         // [rows, groups]
  const std::int32_t* sums() const { return sums_.data(); }    // [rows, units], integer formats only

 private:
  void encode_row(const float* x, std::int64_t row);

  QuantFormat format_;
  std::int64_t rows_ = 0, width_ = 0, groups_ = 0, group_size_ = 0;
  std::vector<std::uint8_t> codes_;
  std::vector<float> scales_, zeros_;
  std::vector<std::int32_t> sums_;
};

}  // namespace qreason
