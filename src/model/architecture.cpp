#include "model/architecture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/shown_name.h"

namespace qreason {
namespace {

using Facts = ArchitectureFacts;

constexpr std::array kFacts{
    Facts{Architecture::kQwen2, "Qwen2ForCausalLM", "Qwen2Model", "qwen2", Facts::AttentionBias::kQueryKeyValue,
          Facts::MlpBias::kNone, Facts::HeadNorms::kNone, Facts::Windows::kSome, 0},
    Facts{Architecture::kLlama, "LlamaForCausalLM", "LlamaModel", "llama", Facts::AttentionBias::kConfigured,
          Facts::MlpBias::kConfigured, Facts::HeadNorms::kNone, Facts::Windows::kNone, 0},
    Facts{Architecture::kQwen3, "Qwen3ForCausalLM", "Qwen3Model", "qwen3", Facts::AttentionBias::kConfigured,
          Facts::MlpBias::kNone, Facts::HeadNorms::kQueriesAndKeys, Facts::Windows::kSome, 128},
    Facts{Architecture::kMistral, "MistralForCausalLM", "MistralModel", "mistral", Facts::AttentionBias::kNone,
          Facts::MlpBias::kNone, Facts::HeadNorms::kNone, Facts::Windows::kAll, 0},
};
static_assert(kFacts.size() == kArchitectures.size());

std::string known() {
  std::vector<std::string> names;
  for (const Facts& row : kFacts) names.push_back(fmt::format("{} ({})", row.class_name, row.model_type));
  return fmt::format("{}", fmt::join(names, ", "));
}

// As those that exist are called: Qwen3MoeForCausalLM, MixtralForCausalLM, "qwen2_moe".
bool names_experts(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name.find("moe") != std::string::npos || name.find("mixtral") != std::string::npos;
}

}  // namespace

const ArchitectureFacts& facts_of(Architecture architecture) {
  for (const Facts& row : kFacts) {
    if (row.architecture == architecture) return row;
  }
  throw Error("Architecture", fmt::format("the value {}", static_cast<int>(architecture)), "one of the enumerators");
}

const ArchitectureFacts& architecture_named(const std::optional<std::string>& class_name,
                                            const std::optional<std::string>& model_type, const std::string& where) {
  if (!class_name && !model_type) throw Error(where, "neither \"architectures\" nor \"model_type\"", known());
  for (const Facts& row : kFacts) {
    // A checkpoint of the base model lacks the head alone, which a tied model has in its embedding.
    if ((!class_name || *class_name == row.class_name || *class_name == row.base_class_name) &&
        model_type.value_or(std::string(row.model_type)) == row.model_type) {
      return row;
    }
  }
  const std::string type = model_type.value_or("absent"), name = class_name.value_or("absent");
  const bool experts = names_experts(type) || names_experts(name);
  throw Error(where,
              fmt::format("architecture {} (model_type {}){}", shown_name(name), shown_name(type),
                          experts ? ", a mixture of experts" : ""),
              known());
}

std::string_view hf_class_name(Architecture architecture) {
  return facts_of(architecture).class_name;
}

}  // namespace qreason
