#include "tokenizer/normalizer.h"

#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/json_sections.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::size_t kMostSteps = 32;

void read_steps(const Json& section, const std::string& where, std::vector<NormalizerStep>& steps) {
  if (section.is_null()) return;
  const std::string type = json_string(section, "type", where);
  if (type == "Sequence") {
    for (const Json& part : json_list(section, "normalizers", where)) read_steps(part, where, steps);
    return;
  }
  if (steps.size() >= kMostSteps) throw Error(where, "too many normalizers", fmt::format("at most {}", kMostSteps));
  if (type == "NFC") {
    steps.push_back({.kind = NormalizerStep::Kind::kNfc});
  } else if (type == "Prepend") {
    steps.push_back({.kind = NormalizerStep::Kind::kPrepend, .content = json_string(section, "prepend", where)});
  } else if (type == "Replace") {
    steps.push_back({.kind = NormalizerStep::Kind::kReplace,
                     .pattern = literal_pattern(section, where),
                     .content = json_string(section, "content", where)});
  } else {
    throw Error(where, fmt::format("a normalizer of type \"{}\"", shown(type)),
                "NFC, Prepend, Replace, or a Sequence of them");
  }
}

}  // namespace

std::string_view Normalizer::apply(std::string_view text, std::string& buffer) const {
  std::string made;
  for (const NormalizerStep& step : steps_) {
    if (text.empty()) return text;
    switch (step.kind) {
      case NormalizerStep::Kind::kNfc: {
        const std::string_view composed = to_nfc(text, made);
        if (composed.data() == text.data()) continue;
        break;
      }
      case NormalizerStep::Kind::kPrepend:
        made = step.content;
        made += text;
        break;
      case NormalizerStep::Kind::kReplace:
        if (text.find(step.pattern) == std::string_view::npos) continue;
        made = replaced_text(text, step.pattern, step.content);
        break;
    }
    buffer.swap(made);
    text = buffer;
  }
  return text;
}

Normalizer read_normalizer(const Json& section, const std::string& where) {
  std::vector<NormalizerStep> steps;
  read_steps(section, where, steps);
  return Normalizer(std::move(steps));
}

Json space_normalizer(bool prefix) {
  Json steps = Json::array();
  if (prefix) steps.push_back({{"type", "Prepend"}, {"prepend", std::string(kSpaceMark)}});
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", std::string(kSpaceMark)}});
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

}  // namespace qreason
