#include "cli/tokenizer_files.h"

#include <array>

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

}  // namespace

void put_tokenizer_files(const OpenedModel& model, const fs::path& folder) {
  if (model.checkpoint->gguf()) {
    if (!model.text) return;
    write_file_atomic(folder / "tokenizer.json", model.text->tokenizer.to_tokenizer_json());
    write_file_atomic(folder / "tokenizer_config.json", model.text->tokenizer.to_tokenizer_config_json());
    write_file_atomic(folder / "generation_config.json", generation_config(model));
    return;
  }
  std::error_code ignored;
  for (const char* name : kFiles) {
    const fs::path from = model.checkpoint->path() / name;
    if (fs::is_regular_file(from, ignored)) write_file_atomic(folder / name, read_text_file(from));
  }
}

}  // namespace qreason
