// The functions that kernels are called by: each asks the executor's backend.
#include "kernels/backend.h"

#include <cstring>

#include "kernels/cpu/aligned_buffer.h"
#include "kernels/cpu_backend.h"
#include "kernels/fast_cpu_backend.h"

namespace qreason {

const Backend& host_backend() {
  static const CpuBackend backend;  // holds nothing
  return backend;
}

const Backend& cpu_backend(Arithmetic arithmetic) {
  static const FastCpuBackend fast;
  require_arithmetic(arithmetic, "arithmetic");
  return arithmetic == Arithmetic::kFast ? fast : host_backend();
}

std::shared_ptr<std::byte> CpuBackend::allocate(std::size_t bytes) const {
  auto memory = std::make_shared<AlignedBytes>(bytes);
  return {memory, memory->data()};
}

void CpuBackend::copy_in(const void* host, std::size_t bytes, void* to) const {
  std::memcpy(to, host, bytes);
}

void CpuBackend::copy_out(const void* from, std::size_t bytes, void* host) const {
  std::memcpy(host, from, bytes);
}

void CpuBackend::copy(const void* from, std::size_t bytes, void* to) const {
  std::memcpy(to, from, bytes);
}

PackedMatrix CpuBackend::pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                      ThreadPool* pool) const {
  return PackedMatrix::from_float32(values, rows, columns, pool);
}

PackedMatrix CpuBackend::pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                                       ThreadPool* pool) const {
  return PackedMatrix::from_bfloat16(values, rows, columns, pool);
}

PackedMatrix CpuBackend::pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const {
  return PackedMatrix::from_quantized(matrix, pool);
}

void matmul(const PackedMatrix& w, const MatmulArguments& a, Executor& executor) {
  const MatmulTarget target{.w = &w, .bias = a.bias, .y = a.y, .y_stride = a.y_stride, .store = a.store};
  executor.backend().multiply({&target, 1}, {.x = a.x, .rows = a.rows, .x_stride = a.x_stride}, executor);
}

void matmul_shared(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) {
  executor.backend().multiply(targets, input, executor);
}

bool is_code_product(const PackedMatrix& w, const CodedInput& input, const Backend& backend) {
  return backend.is_code_product(w, input);
}

void multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input, Executor& executor) {
  executor.backend().multiply_codes(targets, input, executor);
}

void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out, Executor& executor) {
  executor.backend().gather_rows(w, rows, out, executor);
}

void select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                 Executor& executor) {
  executor.backend().select_rows(x, width, rows, out, executor);
}

void rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon, float* out,
              Executor& executor) {
  executor.backend().rms_norm(x, rows, width, gain, epsilon, out, executor);
}

void rope(const RopeArguments& arguments, Executor& executor) {
  executor.backend().rope(arguments, executor);
}

void silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width, Executor& executor) {
  executor.backend().silu_multiply(gate, up, rows, width, executor);
}

void add_in_place(float* x, const float* y, std::int64_t count, Executor& executor) {
  executor.backend().add_in_place(x, y, count, executor);
}

void add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width, Executor& executor) {
  executor.backend().add_to_rows(x, rows, y, width, executor);
}

void transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                    Executor& executor) {
  executor.backend().transform_rows(x, rows, width, transform, executor);
}

void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                              Executor& executor) {
  executor.backend().quantize_dequantize_rows(x, rows, width, quantizer, executor);
}

void quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges, const QuantFormat& format,
                                  Executor& executor) {
  executor.backend().quantize_dequantize_channels(x, rows, ranges, format, executor);
}

void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                       std::int64_t key_stride, const float* values, std::int64_t value_stride, Executor& executor) {
  executor.backend().append_key_values(shape, batch, keys, key_stride, values, value_stride, executor);
}

void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
               std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) {
  executor.backend().attention(shape, batch, queries, query_stride, out, out_stride, executor);
}

}  // namespace qreason
