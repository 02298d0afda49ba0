#include "base/method_names.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/lower_case.h"

namespace qreason {
namespace {

// Unquantized models first, kUnquantized of them.
constexpr std::size_t kUnquantized = 6;
constexpr std::array<std::string_view, 19> kFamilies = {"bf16", "fp16", "fp32", "bfloat16", "float16", "float32", "rtn",
                                                        "gptq", "awq", "kvquant", "kvquant_star", "quarot",
                                                        "smoothquant", "flatquant", "mxfp4", "nvfp4", "fp8",
                                                        // The study's rows of checkpoints that other tools quantized.
                                                        "quantized.awq", "quantized.gptq"};

// "w4g128", "w8a8kv8", "b3.5g64", "w4c", "tp2": letters of formats and digits alone, a digit among them.
bool reads_as_formats(std::string_view part) {
  return part.find_first_of("0123456789") != std::string_view::npos &&
         (part.starts_with("tp") ? part.substr(2) : part).find_first_not_of("wagkvbc.0123456789") ==
             std::string_view::npos;
}

}  // namespace

std::span<const std::string_view> method_families() {
  return kFamilies;
}

bool is_baseline(std::string_view method) {
  const std::string lower = lower_case(method);
  const auto unquantized = method_families().first(kUnquantized);
  return std::find(unquantized.begin(), unquantized.end(), lower) != unquantized.end();
}

std::string method_stem(std::string_view name) {
  const std::string lower = lower_case(name);
  const auto quantized = method_families().subspan(kUnquantized);
  std::size_t end = std::min(lower.find('-'), lower.size());
  if (std::find(quantized.begin(), quantized.end(), lower.substr(0, end)) == quantized.end()) return "";
  while (end < lower.size()) {
    const std::size_t next = std::min(lower.find('-', end + 1), lower.size());
    if (!reads_as_formats(std::string_view(lower).substr(end + 1, next - end - 1))) break;
    end = next;
  }
  return lower.substr(0, end);
}

bool is_plain_name(std::string_view name) {
  const auto allowed = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= ' ' && byte != 0x7F && c != '/' && c != '\\';
  };
  return !name.empty() && name != "." && name != ".." && std::all_of(name.begin(), name.end(), allowed);
}

}  // namespace qreason
