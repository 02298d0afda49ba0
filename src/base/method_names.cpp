#include "base/method_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace qreason {
namespace {

// Unquantized models first, kUnquantized of them.
constexpr std::size_t kUnquantized = 6;
constexpr std::array<std::string_view, 19> kFamilies = {"bf16", "fp16", "fp32", "bfloat16", "float16", "float32", "rtn",
                                                        "gptq", "awq", "kvquant", "kvquant_star", "quarot",
                                                        "smoothquant", "flatquant", "mxfp4", "nvfp4", "fp8",
                                                        // The study's rows of checkpoints that other tools quantized.
                                                        "quantized.awq", "quantized.gptq"};

}  // namespace

std::span<const std::string_view> method_families() {
  return kFamilies;
}

bool is_baseline(std::string_view method) {
  std::string lower(method);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto unquantized = method_families().first(kUnquantized);
  return std::find(unquantized.begin(), unquantized.end(), lower) != unquantized.end();
}

bool is_plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' && byte != 0x7F && c != '/' && c != '\\';
  };
  return !name.empty() && name != "." && name != ".." && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace qreason
