// A device whose memory the host cannot touch: pages without any access right, but for the moment in which one of its
// kernels runs. Whoever reads or writes a row outside of a kernel ends with a segmentation fault. The kernels are the
// processor's, so results are the same bits. For one thread outside of kernels at a time.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <new>

#include "kernels/cpu_backend.h"

namespace qreason::testing {

class GuardedBackend : public Backend {
 public:
  std::string_view name() const override { return "guarded"; }
  Arithmetic arithmetic() const override { return cpu_.arithmetic(); }
  bool shares_host_memory() const override { return false; }
  std::uint64_t free_memory() const override { return cpu_.free_memory(); }

  std::shared_ptr<std::byte> allocate(std::size_t bytes) const override {
    void* memory = ::mmap(nullptr, std::max<std::size_t>(1, bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    // The allocations outlive the backend's last holder, as the contract has it.
    return {static_cast<std::byte*>(memory), Release{memories_, (*memories_)[memory] = bytes}};
  }
  void copy_in(const void* host, std::size_t bytes, void* to) const override {
    ++copied_in;
    const Unlocked unlocked(*memories_);
    std::memcpy(to, host, bytes);
  }
  void copy_out(const void* from, std::size_t bytes, void* host) const override {
    ++copied_out;
    const Unlocked unlocked(*memories_);
    std::memcpy(host, from, bytes);
  }
  void copy(const void* from, std::size_t bytes, void* to) const override {
    const Unlocked unlocked(*memories_);
    std::memcpy(to, from, bytes);
  }

  PackedMatrix pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                            ThreadPool* pool) const override {
    return cpu_.pack_float32(values, rows, columns, pool);
  }
  PackedMatrix pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows, std::int64_t columns,
                             ThreadPool* pool) const override {
    return cpu_.pack_bfloat16(values, rows, columns, pool);
  }
  PackedMatrix pack_quantized(const QuantizedMatrix& matrix, ThreadPool* pool) const override {
    return cpu_.pack_quantized(matrix, pool);
  }
  bool is_code_product(const PackedMatrix& w, const CodedInput& input) const override {
    return cpu_.is_code_product(w, input);
  }
  void multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input,
                      Executor& executor) const override {
    run([&] { cpu_.multiply_codes(targets, input, executor); });
  }
  std::string explain_code_product(const PackedMatrix& w, std::int64_t rows) const override {
    return cpu_.explain_code_product(w, rows);
  }
  std::string explain(const PackedMatrix& w, std::int64_t rows) const override { return cpu_.explain(w, rows); }

  void multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor& executor) const override {
    run([&] { cpu_.multiply(targets, input, executor); });
  }
  void gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                   Executor& executor) const override {
    run([&] { cpu_.gather_rows(w, rows, out, executor); });
  }
  void select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                   Executor& executor) const override {
    run([&] { cpu_.select_rows(x, width, rows, out, executor); });
  }
  void rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon, float* out,
                Executor& executor) const override {
    run([&] { cpu_.rms_norm(x, rows, width, gain, epsilon, out, executor); });
  }
  void rope(const RopeArguments& arguments, Executor& executor) const override {
    run([&] { cpu_.rope(arguments, executor); });
  }
  void silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width,
                     Executor& executor) const override {
    run([&] { cpu_.silu_multiply(gate, up, rows, width, executor); });
  }
  void add_in_place(float* x, const float* y, std::int64_t count, Executor& executor) const override {
    run([&] { cpu_.add_in_place(x, y, count, executor); });
  }
  void add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width, Executor& executor) const override {
    run([&] { cpu_.add_to_rows(x, rows, y, width, executor); });
  }
  void transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& transform,
                      Executor& executor) const override {
    run([&] { cpu_.transform_rows(x, rows, width, transform, executor); });
  }
  void quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                                Executor& executor) const override {
    run([&] { cpu_.quantize_dequantize_rows(x, rows, width, quantizer, executor); });
  }
  void quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges, const QuantFormat& format,
                                    Executor& executor) const override {
    run([&] { cpu_.quantize_dequantize_channels(x, rows, ranges, format, executor); });
  }
  void encode_rows(const float* x, const CodedRowsView& to, Executor& executor) const override {
    run([&] { cpu_.encode_rows(x, to, executor); });
  }
  void decode_rows(const CodedRowsView& from, float* out, Executor& executor) const override {
    run([&] { cpu_.decode_rows(from, out, executor); });
  }
  void append_key_values(const AttentionShape& shape, const AttentionBatch& batch, const float* keys,
                         std::int64_t key_stride, const float* values, std::int64_t value_stride,
                         Executor& executor) const override {
    run([&] { cpu_.append_key_values(shape, batch, keys, key_stride, values, value_stride, executor); });
  }
  void attention(const AttentionShape& shape, const AttentionBatch& batch, const float* queries,
                 std::int64_t query_stride, float* out, std::int64_t out_stride, Executor& executor) const override {
    run([&] { cpu_.attention(shape, batch, queries, query_stride, out, out_stride, executor); });
  }

  std::size_t allocations() const { return memories_->size(); }
  mutable int kernels = 0, copied_in = 0, copied_out = 0;

 private:
  using Memories = std::map<void*, std::size_t>;

  struct Release {
    std::shared_ptr<Memories> memories;
    std::size_t bytes;
    void operator()(std::byte* memory) const {
      memories->erase(memory);
      ::munmap(memory, std::max<std::size_t>(1, bytes));
    }
  };

  class Unlocked {
   public:
    explicit Unlocked(const Memories& memories) : memories_(memories) { protect(PROT_READ | PROT_WRITE); }
    ~Unlocked() { protect(PROT_NONE); }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

   private:
    void protect(int rights) const {
      for (const auto& [memory, bytes] : memories_) ::mprotect(memory, std::max<std::size_t>(1, bytes), rights);
    }
    const Memories& memories_;
  };

  template <class Kernel>
  void run(Kernel&& kernel) const {
    ++kernels;
    const Unlocked unlocked(*memories_);
    kernel();
  }

  CpuBackend cpu_;
  std::shared_ptr<Memories> memories_ = std::make_shared<Memories>();
};

}  // namespace qreason::testing
