// Memory of one of libtorch's devices, handed out as the addresses that a Backend deals in and seen as tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace qreason {

class DeviceMemory {
 public:
  explicit DeviceMemory(at::Device device);

  at::Device device() const { return device_; }
  // Zeroed; freed with the last holder, whether this is still there or not.
  std::shared_ptr<std::byte> allocate(std::size_t bytes) const;
  std::uint64_t free_bytes() const;  // 0 where the device's allocator does not tell

  // What lies there, not copied: contiguous, or with strides in elements.
  at::Tensor view(const void* start, at::IntArrayRef sizes, at::ScalarType type = at::kFloat) const;
  at::Tensor view(const void* start, at::IntArrayRef sizes, at::IntArrayRef strides,
                  at::ScalarType type = at::kFloat) const;
  // An allocation that an address lies in; an Error where there is none.
  struct Region {
    const std::byte* start = nullptr;
    std::size_t bytes = 0;
  };
  Region region_of(const std::byte* address) const;

  // A list of the host's there, int64. The last few are kept: the layers of a step ask for the same ones.
  at::Tensor list(std::vector<std::int64_t> values) const;

 private:
  struct Regions;
  at::Device device_;
  std::shared_ptr<Regions> regions_;
  struct List {
    std::vector<std::int64_t> values;
    at::Tensor there;
  };
  mutable std::mutex lists_mutex_;
  mutable std::vector<List> lists_;  // newest last
};

}  // namespace qreason
