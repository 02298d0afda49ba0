#include "cli/serving_rules.h"

#include <algorithm>
#include <array>
#include <set>

namespace qreason {
namespace {

// What the rules ask of a plan.
struct Traits {
  std::set<int> bits;         // of quantized weights
  std::set<int> group_sizes;  // 0: one scale a row
  bool asymmetric = false;    // some weights
  bool floats = false;        // small floats
  bool nvfp4 = false, mxfp4 = false;
  bool inputs = false;  // rounded
};

Traits traits_of(const ModelPlan& plan) {
  Traits traits;
  for (const BlockPlan& block : plan.blocks) {
    for (const auto& [slot, format] : block.weights) {
      traits.bits.insert(format.bits);
      traits.group_sizes.insert(format.granularity == Granularity::kGroup ? format.group_size : 0);
      traits.asymmetric = traits.asymmetric || format.symmetry == Symmetry::kAsymmetric;
      traits.floats = traits.floats || format.kind != NumberKind::kInteger;
      traits.nvfp4 = traits.nvfp4 || format.scale_type == ScaleType::kE4M3;
      traits.mxfp4 = traits.mxfp4 || (format.scale_type == ScaleType::kE8M0 && format.bits == 4);
    }
    for (const Site site : kActivationSites) traits.inputs = traits.inputs || block.at(site).format.has_value();
  }
  return traits;
}

bool within(const std::set<int>& values, std::initializer_list<int> allowed) {
  return std::all_of(values.begin(), values.end(),
                     [&](int value) { return std::find(allowed.begin(), allowed.end(), value) != allowed.end(); });
}

bool has_marlin_groups(const Traits& traits) {
  return within(traits.group_sizes, {0, 32, 64, 128});
}

bool any(const Traits&) {
  return true;
}

// A program serves a format if the condition holds.
struct Rule {
  const char* format;
  const char* program;
  bool (*condition)(const Traits&);
};

constexpr std::array kRules{
    Rule{"safetensors", "vLLM", any},
    Rule{"safetensors", "SGLang", any},
    Rule{"safetensors", "transformers", any},
    Rule{"gguf", "llama.cpp", any},
    Rule{"awq", "vLLM (Marlin)", [](const Traits& t) { return t.asymmetric && has_marlin_groups(t); }},
    Rule{"awq", "vLLM (float16 alone)", [](const Traits& t) { return !t.asymmetric || !has_marlin_groups(t); }},
    Rule{"awq", "SGLang", any},
    Rule{"awq", "transformers (with gptqmodel)", any},
    Rule{"awq", "AutoAWQ", any},
    Rule{"awq", "GPTQModel", any},
    Rule{"gptq", "vLLM (Marlin)",
         [](const Traits& t) {
           return !t.asymmetric && within(t.bits, {4, 8}) && has_marlin_groups(t);
         }},
    Rule{"gptq", "SGLang",
         [](const Traits& t) {
           return !t.asymmetric && within(t.bits, {4, 8});
         }},
    Rule{"gptq", "transformers (with gptqmodel)", any},
    Rule{"gptq", "GPTQModel", any},
    Rule{"compressed-tensors", "vLLM (Marlin)",
         [](const Traits& t) {
           return !t.floats && !t.inputs && has_marlin_groups(t) && within(t.bits, {4, t.asymmetric ? 4 : 8});
         }},
    Rule{"compressed-tensors", "vLLM (int8, compute capability 7.5)",
         [](const Traits& t) { return !t.floats && t.inputs && !t.asymmetric && within(t.bits, {8}); }},
    Rule{"compressed-tensors", "vLLM (fp8, compute capability 8.9; below as weights alone)",
         [](const Traits& t) { return t.floats && within(t.bits, {8}); }},
    Rule{"compressed-tensors", "vLLM (fp4)", [](const Traits& t) { return t.nvfp4 || t.mxfp4; }},
    Rule{"compressed-tensors", "SGLang",
         [](const Traits& t) {
           return !t.floats && !t.inputs && within(t.bits, {4, t.asymmetric ? 4 : 8});
         }},
    Rule{"compressed-tensors", "transformers (with compressed-tensors)", any},
};

}  // namespace

std::vector<std::string> served_by(const std::string& format, const ModelPlan& plan) {
  const Traits traits = traits_of(plan);
  std::vector<std::string> programs;
  for (const Rule& rule : kRules) {
    if (rule.format == format && rule.condition(traits)) programs.emplace_back(rule.program);
  }
  return programs;
}

}  // namespace qreason
