// The processor as a backend. Its kernels are in matmul.cpp, rows.cpp, attention.cpp and coded_rows.cpp; the
// instruction set is chosen there.
#pragma once

#include "base/memory.h"
#include "kernels/backend.h"

namespace qreason {

class CpuBackend : public Backend {
 public:
  std::string_view name() const override { return "cpu"; }
  Arithmetic arithmetic() const override { return Arithmetic::kPortable; }  // of every instruction set

  bool shares_host_memory() const override { return true; }
  std::uint64_t free_memory() const override { return available_memory(); }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) const override;
  void copy_in(const void* host, std::size_t bytes, void* to) const override;
  void copy_out(const void* from, std::size_t bytes, void* host) const override;
  void copy(const void* from, std::size_t bytes, void* to) const override;

  PackedMatrix pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                            ThreadPool* pool) const override;
  PackedMatrix pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                             ThreadPool* pool) const override;
  PackedMatrix pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const override;

  void multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const override;
  bool is_code_product(const PackedMatrix& w, const CodedInput& input) const override;
  void multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input,
                      Executor& executor) const override;
  std::string explain_code_product(const PackedMatrix& w, std::int64_t rows) const override;
  std::string explain(const PackedMatrix& w, std::int64_t rows) const override;
  void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                   Executor& executor) const override;
  void select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                   Executor& executor) const override;

  void rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon, float* out,
                Executor& executor) const override;
  void rope(const RopeArguments& arguments, Executor& executor) const override;
  void silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width,
                     Executor& executor) const override;
  void add_in_place(float* x, const float* y, std::int64_t count, Executor& executor) const override;
  void add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width, Executor& executor) const override;
  void transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                      Executor& executor) const override;

  void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                                Executor& executor) const override;
  void quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges, const QuantFormat& format,
                                    Executor& executor) const override;
  void encode_rows(const float* x, const CodedRowsView& to, Executor& executor) const override;
  void decode_rows(const CodedRowsView& from, float* out, Executor& executor) const override;

  void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                         std::int64_t key_stride, const float* values, std::int64_t value_stride,
                         Executor& executor) const override;
  void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                 std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) const override;
};

}  // namespace qreason
