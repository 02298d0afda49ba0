// --device: where a command computes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace qreason {

class Backend;

// A usage Error unless it is cpu, cuda, cuda:N, npu or npu:N.
void check_device_name(const std::string& text);

// nullopt for the processor; else libtorch's device, tried with a number. An Error where this libtorch or this machine
// does not have it.
std::optional<at::Device> find_device(const std::string& text);

// Of a device by its name, as in "cuda:0" or a backend's: "cuda", "npu". What results record; another card of the kind
// is as good.
std::string device_kind(std::string_view name);

// The kind of the device behind a backend; empty for the processor.
std::string device_kind(const Backend& backend);

}  // namespace qreason
