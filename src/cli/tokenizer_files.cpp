#include "cli/tokenizer_files.h"

#include <array>
#include <functional>

#include "base/file.h"
#include "base/json.h"
#include "cli/prompt_form.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;

constexpr std::array kFiles{
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",      "vocab.json",
    "merges.txt",     "chat_template.jinja",   "chat_template.json",      "generation_config.json", kPromptFormFile};

std::string generation_config(const OpenedModel& model) {
  const GenerationDefaults defaults = model.checkpoint->generation_defaults();
  OrderedJson json{{"eos_token_id", stop_tokens(model)}};
  if (defaults.temperature) json["temperature"] = *defaults.temperature;
  if (defaults.top_p) json["top_p"] = *defaults.top_p;
  if (defaults.top_k) json["top_k"] = *defaults.top_k;
  if (defaults.repetition_penalty) json["repetition_penalty"] = *defaults.repetition_penalty;
  return json.dump(2) + "\n";
}

// Name and text of each file.
using Visitor = std::function<void(const char* name, const std::string& text)>;

void for_each_file(const OpenedModel& model, const Visitor& visit) {
  if (model.checkpoint->gguf()) {
    if (!model.text) return;
    visit("tokenizer.json", model.text->tokenizer.to_tokenizer_json());
    visit("tokenizer_config.json", model.text->tokenizer.to_tokenizer_config_json());
    visit("generation_config.json", generation_config(model));
    return;
  }
  std::error_code ignored;
  for (const char* name : kFiles) {
    const fs::path from = model.checkpoint->path() / name;
    if (fs::is_regular_file(from, ignored)) visit(name, read_text_file(from));
  }
}

}  // namespace

void put_tokenizer_files(const OpenedModel& model, const fs::path& folder) {
  for_each_file(model, [&](const char* name, const std::string& text) { write_file_atomic(folder / name, text); });
}

std::uint64_t tokenizer_file_bytes(const OpenedModel& model) {
  std::uint64_t bytes = 0;
  for_each_file(model, [&](const char*, const std::string& text) { bytes += text.size(); });
  return bytes;
}

}  // namespace qreason
