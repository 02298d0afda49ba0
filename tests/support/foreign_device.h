// A second device of libtorch's for tests: PrivateUse1, as accelerators outside of libtorch are. Every operation is
// computed by the processor's kernels, so that results are bit for bit those of the processor; but the device's memory
// faults where anything else reads or writes it, and an operation that is given tensors of both devices is an error, as
// it is on a graphics card.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

namespace qreason::testing {

at::Device foreign_device();

// What has run there since the last clear(): calls of operations whose name ("aten::mm.out") contains the text.
std::int64_t foreign_operations(const std::string& part);
void clear_foreign_operations();

// Called with the name of every operation before it runs; it may throw. Empty: nothing is.
void before_foreign_operations(std::function<void(const std::string&)> hook);

// What the device says is free of its memory.
void set_free_foreign_memory(std::uint64_t bytes);

}  // namespace qreason::testing
