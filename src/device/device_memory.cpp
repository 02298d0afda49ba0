#include "device/device_memory.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::size_t kMostLists = 32;

}  // namespace

struct DeviceMemory::Regions {
  std::mutex mutex;
  std::map<const std::byte*, std::size_t> bytes;  // by the first address
};

DeviceMemory::DeviceMemory(at::Device device) : device_(device), regions_(std::make_shared<Regions>()) {}

std::shared_ptr<std::byte> DeviceMemory::allocate(std::size_t bytes) const {
  const auto size = static_cast<std::int64_t>(std::max<std::size_t>(1, bytes));
  at::Tensor memory = at::zeros({size}, at::TensorOptions().dtype(at::kByte).device(device_));
  auto* start = static_cast<std::byte*>(memory.mutable_data_ptr());
  {
    const std::lock_guard lock(regions_->mutex);
    regions_->bytes[start] = static_cast<std::size_t>(size);
  }
  return {start, [memory = std::move(memory), regions = regions_](const std::byte* first) {
            const std::lock_guard lock(regions->mutex);
            regions->bytes.erase(first);
          }};
}

std::uint64_t DeviceMemory::free_bytes() const {
  try {
    return c10::getDeviceAllocator(device_.type())->getMemoryInfo(std::max<c10::DeviceIndex>(0, device_.index())).first;
  } catch (const std::exception&) {
    return 0;
  }
}

at::Tensor DeviceMemory::view(const void* start, at::IntArrayRef sizes, at::ScalarType type) const {
  const at::TensorOptions options = at::TensorOptions().dtype(type).device(device_);
  return at::for_blob(const_cast<void*>(start), sizes).options(options).target_device(device_).make_tensor();
}

at::Tensor DeviceMemory::view(const void* start, at::IntArrayRef sizes, at::IntArrayRef strides,
                              at::ScalarType type) const {
  const at::TensorOptions options = at::TensorOptions().dtype(type).device(device_);
  return at::for_blob(const_cast<void*>(start), sizes)
      .strides(strides)
      .options(options)
      .target_device(device_)
      .make_tensor();
}

DeviceMemory::Region DeviceMemory::region_of(const std::byte* address) const {
  const std::lock_guard lock(regions_->mutex);
  auto found = regions_->bytes.upper_bound(address);
  if (found != regions_->bytes.begin()) {
    --found;
    if (address < found->first + found->second) return {.start = found->first, .bytes = found->second};
  }
  throw Error("device", "an address of another memory", "one of this device's");
}

at::Tensor DeviceMemory::list(std::vector<std::int64_t> values) const {
  const std::lock_guard lock(lists_mutex_);
  const auto known =
      std::find_if(lists_.begin(), lists_.end(), [&](const List& list) { return list.values == values; });
  if (known != lists_.end()) {
    std::rotate(known, known + 1, lists_.end());
    return lists_.back().there;
  }
  if (lists_.size() == kMostLists) lists_.erase(lists_.begin());
  const at::Tensor here = at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kLong);
  at::Tensor there = here.to(device_, at::kLong, /*non_blocking=*/false, /*copy=*/true);
  lists_.push_back({std::move(values), there});
  return there;
}

}  // namespace qreason
