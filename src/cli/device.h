// --device: where a command computes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace qreason {

// A usage Error unless it is cpu, cuda, cuda:N, npu or npu:N.
void check_device_name(const std::string& text);

// nullopt for the processor; else libtorch's device, tried with a number. An Error where this libtorch or this machine
// does not have it.
std::optional<at::Device> find_device(const std::string& text);

// Of a device by its name, as in "cuda:0" or a backend's: "cuda", "npu". What results record; another card of the kind
// is as good.
std::string device_kind(std::string_view name);

}  // namespace qreason
