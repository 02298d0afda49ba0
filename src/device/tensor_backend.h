// The kernels of a backend (kernels/backend.h) in tensor operations, for any of libtorch's devices: a decoder that runs
// the whole plan there, weights and cache packed in the device's memory. Nothing here is of one kind of device.
//
// Class `portable`: float32 products of the expanded weights. Class `fast`: the same in bfloat16, as the device's
// library accumulates it, rounded once more to bfloat16. Sums are in the order of that library.
//
// Rows meet weights kTileRows at a time, the last of them filled up with zeros: all products of a weight have one
// shape, so that a row's result does not depend on how many come with it, as far as the library computes rows of one
// shape alike. Attention is batched by what is asked for at once, where libtorch promises no order: answers of a batch
// and alone may part where two tokens are as likely, which results of a device say (`batch_invariant`).
//
// Not looked for here: numbers that are not finite, which would mean to wait for the device at every layer. A NaN
// reaches the logits, where it is an Error.
#pragma once

#include <map>
#include <mutex>

#include "device/device_memory.h"
#include "kernels/backend.h"

namespace qreason {

class TensorBackend : public Backend {
 public:
  static constexpr std::int64_t kTileRows = 64;

  TensorBackend(at::Device device, Arithmetic arithmetic);

  std::string_view name() const override { return name_; }
  Arithmetic arithmetic() const override { return arithmetic_; }
  bool shares_host_memory() const override { return false; }
  std::uint64_t free_memory() const override { return memory_.free_bytes(); }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) const override { return memory_.allocate(bytes); }
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

 private:
  at::Tensor product(const at::Tensor& x, const PackedMatrix& w) const;
  at::Tensor sylvester(std::int64_t order) const;
  at::Tensor hadamard(const at::Tensor& x, std::int64_t right, std::int64_t lanes) const;

  DeviceMemory memory_;
  mutable std::mutex sylvester_mutex_;
  mutable std::map<std::int64_t, at::Tensor> sylvester_;  // those that were asked for, by their order
  std::string name_;
  Arithmetic arithmetic_;
};

}  // namespace qreason
