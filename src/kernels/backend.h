// The memory and the kernels of a device behind one interface: all that the decoder computes with. The processor's is
// host_backend(); another device is one more class (tests/support/guarded_backend.h is a small one).
//
// Rows, weights, biases, tables and cache pages lie in the backend's memory, which nothing but its kernels touches.
// Lists are the host's: row numbers, positions, segments with their page pointers. What each kernel computes, its
// shapes and its Errors are the contract of the function of the same name, which calls it: kernels/matmul.h, rows.h,
// attention.h, coded_rows.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/numerics.h"
#include "formats/quantized_matrix.h"
#include "kernels/attention.h"
#include "kernels/code_products.h"
#include "kernels/coded_rows.h"
#include "kernels/executor.h"
#include "kernels/matmul.h"
#include "kernels/packed_matrix.h"
#include "kernels/rows.h"

namespace qreason {

// The processor in a class of arithmetic: host_backend(), or fast_cpu_backend.h's. An Error (usage) where the machine
// lacks what it needs.
const Backend& cpu_backend(Arithmetic arithmetic);

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  virtual Arithmetic arithmetic() const = 0;  // of all its products, whatever their number of rows

  // Whether its memory is the host's: then nothing need be copied.
  virtual bool shares_host_memory() const = 0;
  virtual std::uint64_t free_memory() const = 0;  // bytes; 0 where it is not told
  // Zeroed, begins a cache line; freed with the last holder, whether the backend is still there or not.
  virtual std::shared_ptr<std::byte> allocate(std::size_t bytes) const = 0;
  virtual void copy_in(const void* host, std::size_t bytes, void* to) const = 0;
  virtual void copy_out(const void* from, std::size_t bytes, void* host) const = 0;
  virtual void copy(const void* from, std::size_t bytes, void* to) const = 0;

  // Weights, row-major on the host, laid out for matmul(); only products of the same backend take them. `pool` may be
  // null.
  virtual PackedMatrix pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                    ThreadPool* pool) const = 0;
  virtual PackedMatrix pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                                     ThreadPool* pool) const = 0;
  virtual PackedMatrix pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const = 0;

  virtual void multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const = 0;
  // Products of coded rows: those that are of whole numbers (kernels/code_products.h), and their kernel in words.
  virtual bool is_code_product(const PackedMatrix& w, const CodedInput& input) const = 0;
  virtual void multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input,
                              Executor& executor) const = 0;
  virtual std::string explain_code_product(const PackedMatrix& w, std::int64_t rows) const = 0;
  virtual std::string explain(const PackedMatrix& w, std::int64_t rows) const = 0;
  virtual void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                           Executor& executor) const = 0;
  virtual void select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                           Executor& executor) const = 0;

  virtual void rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon,
                        float* out, Executor& executor) const = 0;
  virtual void rope(const RopeArguments& arguments, Executor& executor) const = 0;
  virtual void silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width,
                             Executor& executor) const = 0;
  virtual void add_in_place(float* x, const float* y, std::int64_t count, Executor& executor) const = 0;
  virtual void add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width,
                           Executor& executor) const = 0;
  virtual void transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                              Executor& executor) const = 0;

  virtual void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                                        Executor& executor) const = 0;
  virtual void quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges,
                                            const QuantFormat& format, Executor& executor) const = 0;
  virtual void encode_rows(const float* x, const CodedRowsView& to, Executor& executor) const = 0;
  virtual void decode_rows(const CodedRowsView& from, float* out, Executor& executor) const = 0;

  virtual void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                                 std::int64_t key_stride, const float* values, std::int64_t value_stride,
                                 Executor& executor) const = 0;
  virtual void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                         std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) const = 0;
};

}  // namespace qreason
