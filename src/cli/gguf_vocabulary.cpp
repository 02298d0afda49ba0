#include "cli/gguf_vocabulary.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

bool has_vocabulary(const GgufFile& file) {
  // llama.cpp's names for a file without one.
  const auto model =
      file.metadata().contains("tokenizer.ggml.model") ? file.string("tokenizer.ggml.model") : std::nullopt;
  return model && *model != "none" && *model != "no_vocab";
}

GgufVocabulary gguf_vocabulary(const GgufFile& file) {
  const auto required = [&](const std::string& key) {
    const auto value = file.string(key);
    if (!value) throw Error(file.path().string(), "no " + key, "a GGUF file with its tokenizer");
    return *value;
  };
  // Options of other tokenizer models, which BPE has no place for.
  for (const char* key : {"tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.normalizer.lowercase",
                          "tokenizer.ggml.add_sep_token"}) {
    if (file.boolean(key).value_or(false)) throw Error(file.path().string(), fmt::format("{} is true", key), "false");
  }
  const std::vector<std::string>* tokens = file.strings("tokenizer.ggml.tokens");
  if (tokens == nullptr) throw Error(file.path().string(), "no tokenizer.ggml.tokens", "a list of strings");
  GgufVocabulary vocabulary{.model = required("tokenizer.ggml.model"),
                            .pre = file.string("tokenizer.ggml.pre").value_or("default"),
                            .tokens = *tokens,
                            .bos_token = file.integer("tokenizer.ggml.bos_token_id"),
                            .eos_token = file.integer("tokenizer.ggml.eos_token_id"),
                            .unknown_token = file.integer("tokenizer.ggml.unknown_token_id"),
                            .padding_token = file.integer("tokenizer.ggml.padding_token_id"),
                            .add_bos_token = file.boolean("tokenizer.ggml.add_bos_token"),
                            .add_eos_token = file.boolean("tokenizer.ggml.add_eos_token"),
                            .add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix"),
                            .chat_template = file.string("tokenizer.chat_template"),
                            .where = file.path().string()};
  if (const auto* types = file.integers("tokenizer.ggml.token_type")) vocabulary.token_types = *types;
  if (const auto* scores = file.numbers("tokenizer.ggml.scores")) vocabulary.scores = *scores;
  if (const auto* merges = file.strings("tokenizer.ggml.merges")) vocabulary.merges = *merges;
  return vocabulary;
}

GgufMetadata vocabulary_metadata(const Tokenizer& tokenizer, std::int64_t size) {
  const GgufVocabulary vocabulary = tokenizer.to_gguf(size);
  GgufMetadata metadata;
  metadata.put_text("tokenizer.ggml.model", vocabulary.model);
  metadata.put_text("tokenizer.ggml.pre", vocabulary.pre);
  metadata.put_texts("tokenizer.ggml.tokens", vocabulary.tokens);
  metadata.put_i32s("tokenizer.ggml.token_type", vocabulary.token_types);
  if (!vocabulary.scores.empty()) metadata.put_f32s("tokenizer.ggml.scores", vocabulary.scores);
  if (!vocabulary.merges.empty()) metadata.put_texts("tokenizer.ggml.merges", vocabulary.merges);
  const auto put = [&](const char* key, const std::optional<std::int64_t>& id) {
    if (id) metadata.put_u32(key, *id);
  };
  put("tokenizer.ggml.bos_token_id", vocabulary.bos_token);
  put("tokenizer.ggml.eos_token_id", vocabulary.eos_token);
  put("tokenizer.ggml.unknown_token_id", vocabulary.unknown_token);
  put("tokenizer.ggml.padding_token_id", vocabulary.padding_token);
  metadata.put_bool("tokenizer.ggml.add_bos_token", vocabulary.add_bos_token.value_or(false));
  metadata.put_bool("tokenizer.ggml.add_eos_token", vocabulary.add_eos_token.value_or(false));
  if (vocabulary.add_space_prefix) metadata.put_bool("tokenizer.ggml.add_space_prefix", *vocabulary.add_space_prefix);
  if (vocabulary.chat_template) metadata.put_text("tokenizer.chat_template", *vocabulary.chat_template);
  return metadata;
}

}  // namespace qreason
