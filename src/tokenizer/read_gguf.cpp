// The tokenizer inside a GGUF file: its lists as they are, the rest from the family that the file names.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "tokenizer/definition.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

enum TokenType : std::int64_t { kNormal = 1, kControl = 3, kUserDefined = 4, kUnused = 5 };

void check_lists(const GgufVocabulary& vocabulary) {
  const std::string& where = vocabulary.where;
  if (vocabulary.model != "gpt2") {
    throw Error(where, fmt::format("the tokenizer model \"{}\"", shown(vocabulary.model)), "gpt2 (byte-level BPE)");
  }
  if (vocabulary.tokens.empty() || vocabulary.tokens.size() > static_cast<std::size_t>(kTokenIdLimit)) {
    throw Error(where, fmt::format("{} tokens", vocabulary.tokens.size()), fmt::format("1 to {}", kTokenIdLimit));
  }
  if (vocabulary.token_types.size() != vocabulary.tokens.size()) {
    throw Error(where,
                fmt::format("{} token types for {} tokens", vocabulary.token_types.size(), vocabulary.tokens.size()),
                "one for each");
  }
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::int64_t type = vocabulary.token_types[id];
    if (type != kNormal && type != kControl && type != kUserDefined && type != kUnused) {
      throw Error(where, fmt::format("token {} has type {}", id, type),
                  "1 normal, 3 control, 4 user defined or 5 unused");
    }
    if (valid_utf8_prefix(vocabulary.tokens[id]).length != vocabulary.tokens[id].size()) {
      throw Error(where, fmt::format("token {} is no UTF-8 text", id));
    }
  }
}

std::optional<std::string> named_token(const GgufVocabulary& vocabulary, const std::optional<std::int64_t>& id,
                                       std::string_view role) {
  if (!id) return std::nullopt;
  if (*id < 0 || *id >= static_cast<std::int64_t>(vocabulary.tokens.size())) {
    throw Error(vocabulary.where, fmt::format("the {} token is {}", role, *id),
                fmt::format("an id below {}", vocabulary.tokens.size()));
  }
  return vocabulary.tokens[static_cast<std::size_t>(*id)];
}

std::pair<std::string, std::string> split_merge(const std::string& line, std::size_t rank, const std::string& where) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos ||
      valid_utf8_prefix(line).length != line.size()) {
    throw Error(where, fmt::format("merge {} is {} bytes that are not two pieces", rank, line.size()), "two pieces");
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

}  // namespace

TokenizerDefinition definition_from_gguf(const GgufVocabulary& vocabulary) {
  check_lists(vocabulary);
  TokenizerFamily family = tokenizer_family(vocabulary.pre, vocabulary.where);
  TokenizerDefinition definition;
  definition.where = vocabulary.where;
  const auto& types = vocabulary.token_types;
  // Added tokens at the end of the list stay out of the model's vocabulary, as in the files the tokenizers came from.
  std::size_t last = types.size();
  while (last > 0 && types[last - 1] == kUnused) --last;
  while (last > 0 && (types[last - 1] == kControl || types[last - 1] == kUserDefined)) --last;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == kUnused) continue;
    const std::string& text = vocabulary.tokens[i];
    const auto id = static_cast<std::int32_t>(i);
    if (types[i] != kNormal) {
      const bool marked_wrongly =
          std::find(family.not_special.begin(), family.not_special.end(), text) != family.not_special.end();
      definition.added.push_back({.content = text, .id = id, .special = types[i] == kControl && !marked_wrongly});
    }
    if (i < last) definition.vocabulary.push_back({text, id});
  }
  for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    definition.merges.push_back(split_merge(vocabulary.merges[rank], rank, vocabulary.where));
  }
  definition.ignore_merges = family.ignore_merges;
  definition.normalizer = std::move(family.normalizer);
  definition.pre_tokenizer = std::move(family.pre_tokenizer);
  definition.post_processor = std::move(family.post_processor);
  definition.decoder = std::move(family.decoder);
  definition.tokenizer_class = family.tokenizer_class;
  definition.chat_template = vocabulary.chat_template;
  definition.eos_token = named_token(vocabulary, vocabulary.eos_token, "eos");
  const auto bos = named_token(vocabulary, vocabulary.bos_token, "bos");
  definition.add_bos_token = vocabulary.add_bos_token.value_or(family.adds_bos);
  if (family.has_bos || definition.add_bos_token) definition.bos_token = bos;
  if (definition.add_bos_token) {
    if (!bos) throw Error(vocabulary.where, "add_bos_token without a bos token", "tokenizer.ggml.bos_token_id");
    definition.post_processor = bos_template(*bos, static_cast<std::int32_t>(*vocabulary.bos_token));
  }
  return definition;
}

}  // namespace qreason
