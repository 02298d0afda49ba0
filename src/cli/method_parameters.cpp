#include "cli/method_parameters.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/safetensors.h"
#include "quantize/methods/method_table.h"

namespace qreason {
namespace {

constexpr const char* kSigns = "rotation_signs";

std::string signs_of_file(const std::string& path) {
  const SafetensorsFile file(path);
  const SafetensorsEntry& entry = file.entry("signs");
  if (entry.type != SafetensorsType::kI8 || entry.shape.size() != 1) {
    throw Error::usage(path + ": signs", fmt::format("{} of {} dimensions", name_of(entry.type), entry.shape.size()),
                       "I8 [hidden]");
  }
  std::string signs;
  const MappedBytes map = file.bytes("signs");
  for (const std::byte byte : map.bytes()) {
    const int value = static_cast<std::int8_t>(byte);
    if (value != 1 && value != -1) throw Error::usage(path + ": signs", fmt::format("{}", value), "1 and -1");
    signs += value == 1 ? '+' : '-';
  }
  return signs;
}

}  // namespace

ParameterMap read_method_parameters(std::span<const std::string> assignments) {
  ParameterMap parameters = parse_assignments(assignments);
  const auto found = parameters.find(kSigns);
  if (found == parameters.end()) return parameters;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text != nullptr && std::filesystem::path(*text).extension() == ".safetensors")
    found->second = signs_of_file(*text);
  return parameters;
}

}  // namespace qreason
