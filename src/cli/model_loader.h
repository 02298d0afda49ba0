// From what the user calls a model to an open one: checkpoint, tokenizer, chat template, sampling defaults.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "engine/engine.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace qreason {

// The directory or .gguf file that `reference` means: a path; a name or hub id of the zoo or of the store
// (cli/model_zoo.h); a name under the project's own models/. A folder of the Hugging Face cache (models--ORG--NAME) is
// the snapshot that its refs/main names, or its only one. An Error says how to obtain what is not there.
std::filesystem::path resolve_model(const std::string& reference);

// The last part of the path without .gguf, of a cached snapshot the repository's NAME: for tables and result files.
std::string model_name(const std::filesystem::path& path);

// What turns text into tokens and back. A chat template that does not compile is told when it is first used: a model
// can be quantized without it.
struct OpenedTokenizer {
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat;
  std::string chat_problem;  // why `chat` is absent
  std::string where;         // for messages
};
OpenedTokenizer open_tokenizer(const std::string& reference);  // a directory that holds only a tokenizer is enough

struct OpenedModel {
  std::unique_ptr<Checkpoint> checkpoint;
  std::optional<OpenedTokenizer> text;  // nullopt: the model comes without a tokenizer
  std::string name;                     // of model_name()

  const OpenedTokenizer& require_text() const;  // Error when there is none
};
OpenedModel open_model(const std::string& reference);  // tells the checkpoint's warnings

void log_warnings(const Checkpoint& checkpoint);

// The conversation with the generation prompt: what the model answers. Errors, which name `where`: no template, or one
// that fails.
std::string render_chat(const OpenedTokenizer& text, const std::vector<ChatMessage>& messages);
std::string render_chat(const OpenedTokenizer& text, const std::string& user);  // one user turn
// Rendered and encoded; the template brings its own BOS, so the tokenizer adds none.
std::vector<std::int32_t> encode_chat(const OpenedTokenizer& text, const std::string& user);

// Ascending: the end tokens of generation_config.json, of config.json and of the tokenizer; for GGUF files, which name
// only one, also the usual end-of-turn and end-of-text tokens that are special in the vocabulary.
std::vector<std::int32_t> stop_tokens(const OpenedModel& model);

// generation_config.json over the defaults of SamplingParameters. A setting that the sampler has no place for is an
// Error that names it.
SamplingParameters sampling_defaults(const Checkpoint& checkpoint);

}  // namespace qreason
