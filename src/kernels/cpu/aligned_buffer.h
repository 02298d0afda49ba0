// Memory for kernels: aligned to cache lines, in huge pages when large (the panels of a weight are streamed at memory
// speed).
#pragma once

#include <cstddef>
#include <cstdint>

namespace qreason {

class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size);  // zeroed
  ~AlignedBytes();
  AlignedBytes(AlignedBytes&& other) noexcept;
  AlignedBytes& operator=(AlignedBytes&& other) noexcept;

  std::size_t size() const { return size_; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data_);
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Scratch floats of one thread and one purpose: grows, and is kept for the next call.
class ScratchFloats {
 public:
  // Contents are unspecified.
  float* need(std::size_t count);

 private:
  AlignedBytes bytes_;
};

}  // namespace qreason
