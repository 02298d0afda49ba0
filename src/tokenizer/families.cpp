// What GGUF files only name: the sections of tokenizer.json for each family of tokenizers.
#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/definition.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

enum class ByteLevelRegex { kGpt2, kNone };

Json byte_level(ByteLevelRegex regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", regex == ByteLevelRegex::kGpt2},
          {"use_regex", regex == ByteLevelRegex::kGpt2}};
}

Json split_then_bytes(std::string_view pattern) {
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", std::string(pattern)}}}, {"behavior", "Isolated"}, {"invert", false}};
  return {{"type", "Sequence"}, {"pretokenizers", Json::array({split, byte_level(ByteLevelRegex::kNone)})}};
}

TokenizerFamily qwen2() {
  return {.tokenizer_class = "Qwen2Tokenizer",
          .normalizer = {{"type", "NFC"}},
          .pre_tokenizer = split_then_bytes(kQwen2Pattern),
          .post_processor = byte_level(ByteLevelRegex::kNone),
          .decoder = byte_level(ByteLevelRegex::kNone),
          .has_bos = false,
          .not_special = {"<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
                          "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>",
                          "<think>", "</think>"}};
}

TokenizerFamily deepseek_r1_qwen() {
  TokenizerFamily family = qwen2();
  family.tokenizer_class = "LlamaTokenizerFast";
  family.adds_bos = true;
  family.has_bos = true;
  family.not_special.insert(family.not_special.end(), {"<｜User｜>", "<｜Assistant｜>", "<|EOT|>"});
  return family;
}

TokenizerFamily llama3() {
  return {.tokenizer_class = "PreTrainedTokenizerFast",
          .normalizer = nullptr,
          .pre_tokenizer = split_then_bytes(kLlama3Pattern),
          .post_processor = byte_level(ByteLevelRegex::kNone),
          .decoder = byte_level(ByteLevelRegex::kNone),
          .ignore_merges = true,
          .adds_bos = true,
          .not_special = {"<｜User｜>", "<｜Assistant｜>"}};  // of DeepSeek-R1-Distill-Llama
}

TokenizerFamily gpt2() {
  return {.tokenizer_class = "GPT2Tokenizer",
          .normalizer = nullptr,
          .pre_tokenizer = byte_level(ByteLevelRegex::kGpt2),
          .post_processor = byte_level(ByteLevelRegex::kGpt2),
          .decoder = byte_level(ByteLevelRegex::kGpt2)};
}

TokenizerFamily smollm() {
  TokenizerFamily family = gpt2();
  const Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  family.pre_tokenizer = {{"type", "Sequence"},
                          {"pretokenizers", Json::array({digits, byte_level(ByteLevelRegex::kGpt2)})}};
  family.post_processor = nullptr;
  return family;
}

struct FamilyRow {
  std::string_view pre;
  TokenizerFamily (*make)();
};

constexpr FamilyRow kFamilies[] = {
    {"qwen2", qwen2},      {"deepseek-r1-qwen", deepseek_r1_qwen},
    {"llama-bpe", llama3}, {"llama3", llama3},
    {"llama-v3", llama3},  {"gpt-2", gpt2},
    {"smollm", smollm},
};

// What the stages of a pre_tokenizer do, one text a stage.
void describe_stages(const Json& section, const std::string& where, std::vector<std::string>& stages) {
  const std::string type = json_string(section, "type", where);
  if (type == "Sequence") {
    for (const Json& stage : json_member(section, "pretokenizers", where)) describe_stages(stage, where, stages);
  } else if (type == "Split") {
    stages.push_back(fmt::format("split {} {} {}", json_member(section, "pattern", where).dump(),
                                 json_string(section, "behavior", where),
                                 json_bool_if(section, "invert", where).value_or(false)));
  } else if (type == "Digits") {
    stages.push_back(fmt::format("digits {}", json_bool_if(section, "individual_digits", where).value_or(false)));
  } else if (type == "ByteLevel") {
    stages.push_back(fmt::format("bytes {} {}", json_bool_if(section, "add_prefix_space", where).value_or(true),
                                 json_bool_if(section, "use_regex", where).value_or(true)));
  } else {
    stages.push_back(type);
  }
}

std::vector<std::string> stages_of(const Json& pre_tokenizer, const std::string& where) {
  std::vector<std::string> stages;
  describe_stages(pre_tokenizer, where, stages);
  return stages;
}

}  // namespace

std::string family_name_of(const TokenizerDefinition& definition) {
  const std::vector<std::string> stages = stages_of(definition.pre_tokenizer, definition.where);
  const bool has_bos = definition.special_token("bos_token").has_value();
  for (const FamilyRow& row : kFamilies) {
    const TokenizerFamily family = row.make();
    if (family.ignore_merges != definition.ignore_merges || (has_bos && !family.has_bos)) continue;
    if (stages_of(family.pre_tokenizer, definition.where) == stages) return std::string(row.pre);
  }
  throw Error(definition.where, "a pre_tokenizer that llama.cpp has no name for",
              "that of Qwen2, DeepSeek-R1-Distill, Llama 3, GPT-2 or SmolLM2");
}

TokenizerFamily scored_family(bool space_prefix) {
  return {.tokenizer_class = "LlamaTokenizerFast",
          .normalizer = space_normalizer(space_prefix),
          .pre_tokenizer = nullptr,
          .post_processor = nullptr,
          .decoder = space_decoder(space_prefix),
          .adds_bos = true,
          .fuse_unknown = true,
          .byte_fallback = true};
}

std::optional<bool> scored_family_prefix(const TokenizerDefinition& definition) {
  for (const bool prefix : {true, false}) {
    const TokenizerFamily family = scored_family(prefix);
    if (definition.normalizer == family.normalizer && definition.pre_tokenizer.is_null() && definition.byte_fallback &&
        !definition.ignore_merges) {
      return prefix;
    }
  }
  return std::nullopt;
}

TokenizerFamily tokenizer_family(const std::string& pre, const std::string& where) {
  std::string known;
  for (const FamilyRow& row : kFamilies) {
    if (row.pre == pre) return row.make();
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.pre);
  }
  throw Error(where, fmt::format("the pre-tokenizer \"{}\" (tokenizer.ggml.pre)", shown(pre)), known);
}

Json frame_template(const std::optional<SpecialText>& before, const std::optional<SpecialText>& after) {
  Json single = Json::array(), pair = Json::array(), specials = Json::object();
  const auto special = [](const SpecialText& token, int type) {
    return Json{{"SpecialToken", {{"id", token.text}, {"type_id", type}}}};
  };
  const auto put = [&](Json& parts, const char* name, int type) {
    if (before) parts.push_back(special(*before, type));
    parts.push_back(Json{{"Sequence", {{"id", name}, {"type_id", type}}}});
    if (after) parts.push_back(special(*after, type));
  };
  put(single, "A", 0);
  put(pair, "A", 0);
  put(pair, "B", 1);
  for (const auto& token : {before, after}) {
    if (!token) continue;
    specials[token->text] = {
        {"id", token->text}, {"ids", Json::array({token->id})}, {"tokens", Json::array({token->text})}};
  }
  return {{"type", "TemplateProcessing"},
          {"single", std::move(single)},
          {"pair", std::move(pair)},
          {"special_tokens", std::move(specials)}};
}

std::optional<std::string> TokenizerDefinition::special_token(std::string_view name) const {
  for (const auto& [known, text] : special_tokens) {
    if (known == name) return text;
  }
  return std::nullopt;
}

void TokenizerDefinition::set_special_token(const std::string& name, std::string text) {
  special_tokens.emplace_back(name, std::move(text));
}

}  // namespace qreason
