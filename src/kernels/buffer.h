// Numbers in the memory of a backend. Only kernels of that backend may touch them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace qreason {

class Backend;

// Bytes that grow and are kept: what Buffer is made of.
class BackendBytes {
 public:
  // At least so many; contents are unspecified where it grew.
  void need(std::size_t bytes, const Backend& backend);
  void fill(const void* host, std::size_t bytes, const Backend& backend);
  void* data() const { return memory_.get(); }

 private:
  std::shared_ptr<std::byte> memory_;
  std::size_t size_ = 0;
};

template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  // A copy of the host's.
  Buffer(std::span<const T> values, const Backend& backend) { assign(values, backend); }
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;

  void assign(std::span<const T> values, const Backend& backend) {
    bytes_.fill(values.data(), values.size_bytes(), backend);
    size_ = static_cast<std::int64_t>(values.size());
  }
  // Memory for at least `count`, kept for the next call; contents are unspecified.
  T* need(std::int64_t count, const Backend& backend) {
    bytes_.need(static_cast<std::size_t>(count) * sizeof(T), backend);
    size_ = count;
    return data();
  }

  bool empty() const { return size_ == 0; }
  std::int64_t size() const { return size_; }
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(size_) * sizeof(T); }
  T* data() { return static_cast<T*>(bytes_.data()); }
  const T* data() const { return static_cast<const T*>(bytes_.data()); }
  const T* data_or_null() const { return empty() ? nullptr : data(); }

 private:
  BackendBytes bytes_;
  std::int64_t size_ = 0;
};

}  // namespace qreason
