#include "cli/device.h"

#include <ATen/ops/ones.h>
#include <fmt/format.h>

#include <exception>

#include "base/error.h"
#include "kernels/backend.h"

namespace qreason {

void check_device_name(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string kind = device_kind(text);
  const std::string number = colon == std::string::npos ? "0" : text.substr(colon + 1);
  const bool is_number =
      !number.empty() && number.size() <= 2 && number.find_first_not_of("0123456789") == std::string::npos;
  const bool known = text == "cpu" || ((kind == "cuda" || kind == "npu") && is_number);
  if (!known) throw Error::usage("--device", fmt::format("\"{}\"", text), "cpu, cuda, cuda:N, npu or npu:N");
}

std::optional<at::Device> find_device(const std::string& text) {
  check_device_name(text);
  if (text == "cpu") return std::nullopt;
  try {
    const at::Device device(text);
    const at::Tensor one = at::ones({1}, at::TensorOptions().device(device)).cpu();
    if (one.const_data_ptr<float>()[0] == 1) return device;
  } catch (const std::exception&) {  // libtorch tells of it in many lines
  }
  throw Error("--device", fmt::format("{}, which this libtorch or this machine does not have", text),
              "cpu, or a device that is there; for cuda or npu, a build whose Torch_DIR is a libtorch that has it");
}

std::string device_kind(std::string_view name) {
  return std::string(name.substr(0, name.find(':')));
}

std::string device_kind(const Backend& backend) {
  return backend.shares_host_memory() ? "" : device_kind(backend.name());
}

}  // namespace qreason
