#include "support/foreign_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <torch/library.h>

#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

namespace qreason::testing {
namespace {

constexpr auto kType = c10::DeviceType::PrivateUse1;
const c10::Device kDevice(kType, 0);

// The device: its memory, page by page, which is open only while one of its operations runs, and what has run.
struct Foreign {
  std::recursive_mutex mutex;
  std::map<void*, std::size_t> regions;
  std::map<std::string, std::int64_t> operations;
  std::uint64_t free_bytes = std::uint64_t{1} << 40;
  std::function<void(const std::string&)> before_operation;

  // The region that an address lies in: tensors may begin anywhere in it.
  std::pair<void* const, std::size_t>& region_of(void* address) {
    auto found = regions.upper_bound(address);
    if (found == regions.begin()) throw std::logic_error("an address before all memory of the device");
    --found;
    const auto offset = static_cast<char*>(address) - static_cast<char*>(found->first);
    if (static_cast<std::size_t>(offset) >= found->second)
      throw std::logic_error("an address that is not the device's");
    return *found;
  }
};

Foreign& foreign() {
  static auto* const kForeign = new Foreign;  // outlives every tensor
  return *kForeign;
}

void close_memory(void* start) {
  const std::lock_guard lock(foreign().mutex);
  ::munmap(start, foreign().regions.at(start));
  foreign().regions.erase(start);
}

class ForeignAllocator : public c10::DeviceAllocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes == 0) return {nullptr, kDevice};
    const std::lock_guard lock(foreign().mutex);
    void* start = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) throw std::bad_alloc();
    foreign().regions[start] = bytes;
    return {start, start, close_memory, kDevice};
  }
  c10::DeleterFnPtr raw_deleter() const override { return close_memory; }
  void copy_data(void*, const void*, std::size_t) const override { throw std::logic_error("a copy of raw memory"); }
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {}
  void recordStream(const c10::DataPtr&, c10::Stream) override {}
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override { return {}; }
  void resetAccumulatedStats(c10::DeviceIndex) override {}
  void resetPeakStats(c10::DeviceIndex) override {}
  std::pair<std::size_t, std::size_t> getMemoryInfo(c10::DeviceIndex) override {
    return {foreign().free_bytes, foreign().free_bytes};
  }
};

ForeignAllocator& allocator() {
  static ForeignAllocator allocator;
  return allocator;
}
REGISTER_ALLOCATOR(kType, &allocator())

// One device with one stream on which everything has happened when a call returns.
struct ForeignGuard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  c10::Device getDevice() const override { return kDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void destroyEvent(void*, c10::DeviceIndex) const noexcept override {}
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, ForeignGuard)

struct ForeignHooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
};

// libtorch takes it for the machine's accelerator from then on.
const bool kRegistered = [] {
  static ForeignHooks hooks;
  c10::register_privateuse1_backend("foreign");
  at::RegisterPrivateUse1HooksInterface(&hooks);
  return true;
}();

bool is_foreign(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == kType;
}

// The device's memory, open for an operation of its own.
class Opened {
 public:
  Opened() : lock_(foreign().mutex) {}
  ~Opened() {
    for (void* start : starts_) ::mprotect(start, foreign().regions.at(start), PROT_NONE);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  // The processor's view of a tensor's memory.
  at::Tensor here(const at::Tensor& tensor) {
    if (!is_foreign(tensor)) return tensor;
    void* start = tensor.storage().mutable_data();
    if (start) {
      const auto& [region, bytes] = foreign().region_of(start);
      ::mprotect(region, bytes, PROT_READ | PROT_WRITE);
      starts_.push_back(region);
    }
    const at::TensorOptions options = tensor.options().device(at::kCPU).requires_grad(false);
    if (tensor.numel() == 0) return at::empty(tensor.sizes(), options);  // may be made larger
    auto* first = static_cast<char*>(start) + tensor.storage_offset() * static_cast<std::int64_t>(tensor.itemsize());
    return at::from_blob(first, tensor.sizes(), tensor.strides(), options);
  }

 private:
  std::lock_guard<std::recursive_mutex> lock_;
  std::vector<void*> starts_;
};

at::Tensor empty_memory_format(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                               std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   type.value_or(at::kFloat), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(
      size, stride, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), type.value_or(at::kFloat));
}

// Of one device to the other, or within this one.
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  Opened opened;
  opened.here(to).copy_(opened.here(from));
  return to;
}

at::Tensor moved_there(const at::Tensor& here) {
  const at::Tensor there = at::empty_strided(here.sizes(), here.strides(), here.options().device(kDevice));
  if (here.numel() > 0) copy_from(here, there, false);
  return there;
}

const at::Tensor& resize(const at::Tensor& tensor, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const std::size_t bytes = static_cast<std::size_t>(c10::multiply_integers(size)) * tensor.itemsize();
  if (tensor.storage().nbytes() < bytes) {  // what was there is not kept: only results are made larger
    tensor.storage().set_data_ptr_noswap(allocator().allocate(bytes));
    tensor.storage().set_nbytes(bytes);
  }
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return tensor;
}

// The arguments of an operation as the processor sees them, and back.
class Arguments {
 public:
  Arguments(const c10::OperatorHandle& op, Opened& opened) : op_(op), opened_(opened) {}

  c10::IValue here(const c10::IValue& value) {
    if (value.isTensor()) return take(value.toTensor());
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(take(tensor));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const auto& tensor : value.toOptionalTensorVector()) {
        list.push_back(tensor ? std::optional(take(*tensor)) : std::nullopt);
      }
      return list;
    }
    return value.isDevice() ? c10::IValue(c10::Device(at::kCPU)) : value;
  }
  void check() const {
    if (!hosted_) return;
    throw std::runtime_error(name() + ": a tensor of the host beside one of the device");
  }
  c10::IValue there(const c10::IValue& value) {
    if (value.isTensor() && value.toTensor().defined()) return put(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(put(tensor));
    return list;
  }
  std::string name() const {
    const std::string& overload = op_.schema().overload_name();
    return overload.empty() ? op_.schema().name() : op_.schema().name() + "." + overload;
  }

 private:
  at::Tensor take(const at::Tensor& tensor) {
    hosted_ |= tensor.defined() && !is_foreign(tensor) && tensor.dim() > 0;
    const at::Tensor own = opened_.here(tensor);
    pairs_.emplace_back(own, tensor);
    return own;
  }
  at::Tensor put(const at::Tensor& result) {
    for (const auto& [own, original] : pairs_) {
      if (!own.is_same(result)) continue;
      if (own.sizes() == original.sizes()) return original;
      resize(original, own.sizes(), std::nullopt);
      copy_from(own, original, false);
      return original;
    }
    return moved_there(result);
  }

  const c10::OperatorHandle& op_;
  Opened& opened_;
  std::vector<std::pair<at::Tensor, at::Tensor>> pairs_;
  bool hosted_ = false;
};

// Whatever is not registered below.
void run_on_processor(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const at::AutoDispatchBelowADInplaceOrView below;
  Opened opened;
  Arguments arguments(op, opened);
  ++foreign().operations[arguments.name()];
  if (foreign().before_operation) foreign().before_operation(arguments.name());
  const std::vector<c10::IValue> given = torch::jit::pop(*stack, op.schema().arguments().size());
  for (const c10::IValue& value : given) torch::jit::push(*stack, arguments.here(value));
  arguments.check();
  op.callBoxed(stack);
  std::vector<c10::IValue> results = torch::jit::pop(*stack, op.schema().returns().size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const c10::AliasInfo* alias = op.schema().returns()[i].alias_info();
    if (alias && !alias->isWrite()) throw std::logic_error(arguments.name() + ": a view, which is to be registered");
    torch::jit::push(*stack, arguments.there(results[i]));
  }
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_processor>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty_memory_format);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("resize_", &resize);
  library.impl("view", &at::native::view);
  library.impl("_reshape_alias", &at::native::_reshape_alias);
  library.impl("as_strided", &at::native::as_strided_tensorimpl);
  library.impl("unfold", &at::native::unfold);
}

}  // namespace

at::Device foreign_device() {
  return kDevice;
}

std::int64_t foreign_operations(const std::string& part) {
  const std::lock_guard lock(foreign().mutex);
  std::int64_t count = 0;
  for (const auto& [name, calls] : foreign().operations) count += name.find(part) != std::string::npos ? calls : 0;
  return count;
}

void clear_foreign_operations() {
  const std::lock_guard lock(foreign().mutex);
  foreign().operations.clear();
}

void before_foreign_operations(std::function<void(const std::string&)> hook) {
  const std::lock_guard lock(foreign().mutex);
  foreign().before_operation = std::move(hook);
}

void set_free_foreign_memory(std::uint64_t bytes) {
  const std::lock_guard lock(foreign().mutex);
  foreign().free_bytes = bytes;
}

}  // namespace qreason::testing
