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

#include "formats/quant_format.h"
#include "kernels/buffer.h"
#include "kernels/row_quantizer.h"

namespace qreason {

class Executor;

// The arrays, in the memory of a backend.
struct CodedRowsView {
  QuantFormat format;
  RangeClips clips;           // for encode_rows
  float global_scale = 1.0f;  // the same
  std::int64_t rows = 0, width = 0;
  std::int64_t groups = 0, group_size = 0;  // of a row
  std::int64_t units = 0;                   // of a row
  std::uint8_t* codes = nullptr;            // [rows, width], integers as QuantizedMatrix has them
  float* scales = nullptr;                  // [rows, groups]
  float* zeros = nullptr;                   // [rows, groups]
  std::int32_t* sums = nullptr;             // [rows, units], integer formats only
};

// Sizes alone: what `width` columns of `rows` rows take.
CodedRowsView coded_layout(const QuantFormat& format, std::int64_t rows, std::int64_t width);

class CodedRows {
 public:
  static constexpr std::int64_t kSumColumns = 32;

  // Quantizes x [rows, width], format kToken (a group is a row) or kTokenGroup (the last may be shorter), with the
  // parameters and codes of the reference quantizer. What was held before is replaced; memory is kept. A number that is
  // not finite and another granularity are Errors.
  void encode(const float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer, Executor& executor);
  // The values, out [rows, width]: what quantize_dequantize_rows leaves in x.
  void decode(float* out, Executor& executor) const;

  const CodedRowsView& view() const { return view_; }
  std::int64_t rows() const { return view_.rows; }
  std::int64_t width() const { return view_.width; }

 private:
  CodedRowsView view_;
  Buffer<std::uint8_t> codes_;
  Buffer<float> scales_, zeros_;
  Buffer<std::int32_t> sums_;
};

}  // namespace qreason
