#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/lower_case.h"
#include "checkpoint/export/export.h"

namespace qreason {
namespace {

constexpr std::array<std::string_view, 3> kFloatTypes{"bf16", "f16", "f32"};
constexpr std::array<std::string_view, 11> kGgufTypes{"f32",  "f16",  "bf16", "q4_0", "q4_1", "q5_0",
                                                      "q5_1", "q8_0", "q4_k", "q6_k", "mxfp4"};

constexpr std::array kFormats{
    ExportFormat{"hf", "transformers, vLLM, SGLang", ExportKind::kFolder, kFloatTypes, prepare_hf},
    ExportFormat{"awq", "AutoAWQ, GPTQModel, vLLM, SGLang", ExportKind::kFolder, kFloatTypes, prepare_awq},
    ExportFormat{"gptq", "GPTQModel, transformers, vLLM, SGLang", ExportKind::kFolder, kFloatTypes, prepare_gptq},
    ExportFormat{"compressed-tensors", "vLLM, SGLang, transformers", ExportKind::kFolder, kFloatTypes,
                 prepare_compressed_tensors},
    ExportFormat{"gguf", "llama.cpp", ExportKind::kFile, kGgufTypes, prepare_gguf},
};

}  // namespace

std::span<const ExportFormat> export_formats() {
  return kFormats;
}

const ExportFormat& find_export_format(std::string_view name) {
  for (const ExportFormat& format : kFormats) {
    if (format.name == name) return format;
  }
  std::vector<std::string_view> names;
  for (const ExportFormat& format : kFormats) names.push_back(format.name);
  throw Error::usage("--format", std::string(name), fmt::format("{}", fmt::join(names, ", ")));
}

std::unique_ptr<PreparedExport> prepare_export(const ExportFormat& format, const ExportSource& source,
                                               const ExportOptions& options) {
  ExportOptions named = options;
  named.type = lower_case(named.type);
  const auto known = [&](std::string_view type) { return type == named.type; };
  if (!named.type.empty() && std::none_of(format.types.begin(), format.types.end(), known)) {
    throw Error::usage("--type", options.type, fmt::format("of {}: {}", format.name, fmt::join(format.types, ", ")));
  }
  return format.prepare(source, named);
}

}  // namespace qreason
