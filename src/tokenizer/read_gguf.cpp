// The tokenizer inside a GGUF file: its lists as they are, the rest from the family that the file names.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tokenizer/definition.h"
#include "tokenizer/scored_merges.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

bool has_scores(const GgufVocabulary& vocabulary) {
  return vocabulary.model == "llama";
}

void check_lists(const GgufVocabulary& vocabulary) {
  const std::string& where = vocabulary.where;
  if (vocabulary.model != "gpt2" && !has_scores(vocabulary)) {
    throw Error(where, fmt::format("the tokenizer model \"{}\"", shown(vocabulary.model)),
                "gpt2 (byte-level BPE) or llama (SentencePiece's BPE)");
  }
  if (has_scores(vocabulary) && vocabulary.scores.size() != vocabulary.tokens.size()) {
    throw Error(where, fmt::format("{} scores for {} tokens", vocabulary.scores.size(), vocabulary.tokens.size()),
                "one for each");
  }
  if (!has_scores(vocabulary) && vocabulary.add_space_prefix.value_or(false)) {
    throw Error(where, "add_space_prefix is true", "false in byte-level BPE");
  }
  if (vocabulary.tokens.empty() || vocabulary.tokens.size() > static_cast<std::size_t>(kTokenIdLimit)) {
    throw Error(where, fmt::format("{} tokens", vocabulary.tokens.size()), fmt::format("1 to {}", kTokenIdLimit));
  }
  if (vocabulary.token_types.size() != vocabulary.tokens.size()) {
    throw Error(where,
                fmt::format("{} token types for {} tokens", vocabulary.token_types.size(), vocabulary.tokens.size()),
                "one for each");
  }
  for (std::size_t id = 0; id < vocabulary.scores.size(); ++id) {
    if (!std::isfinite(vocabulary.scores[id])) {
      throw Error(where, fmt::format("the score of token {} is {}", id, vocabulary.scores[id]), "a finite number");
    }
  }
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::int64_t type = vocabulary.token_types[id];
    const bool known = type == kNormal || type == kControl || type == kUserDefined || type == kUnused ||
                       (has_scores(vocabulary) && (type == kUnknown || type == kByte));
    if (!known) {
      throw Error(where, fmt::format("token {} has type {}", id, type),
                  "1 normal, 3 control, 4 user defined or 5 unused, with scores 2 unknown and 6 byte too");
    }
    if (type == kByte && !byte_of_piece(vocabulary.tokens[id])) {
      throw Error(where, fmt::format("the byte token {} is \"{}\"", id, shown(vocabulary.tokens[id])), "\"<0x0A>\"");
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

SpecialText required_token(const std::optional<std::string>& text, const std::optional<std::int64_t>& id,
                           const std::string& role, const std::string& where) {
  if (!text) {
    throw Error(where, fmt::format("add_{0}_token without a {0} token", role),
                fmt::format("tokenizer.ggml.{}_token_id", role));
  }
  return {*text, static_cast<std::int32_t>(*id)};
}

void put_special_tokens(const GgufVocabulary& vocabulary, const TokenizerFamily& family,
                        TokenizerDefinition& definition) {
  const auto bos = named_token(vocabulary, vocabulary.bos_token, "bos");
  const auto eos = named_token(vocabulary, vocabulary.eos_token, "eos");
  definition.add_bos_token = vocabulary.add_bos_token.value_or(family.adds_bos);
  definition.add_eos_token = vocabulary.add_eos_token.value_or(false);
  const auto put = [&](const char* name, const std::optional<std::string>& text) {
    if (text) definition.set_special_token(name, *text);
  };
  if (family.has_bos || definition.add_bos_token) put("bos_token", bos);
  put("eos_token", eos);
  // A plain piece named for want of a better one ("!", id 0) is not special for that.
  const auto put_added = [&](const char* name, const std::optional<std::string>& text) {
    const auto is_it = [&](const AddedToken& token) { return token.content == text; };
    if (std::any_of(definition.added.begin(), definition.added.end(), is_it)) put(name, text);
  };
  put_added("unk_token", named_token(vocabulary, vocabulary.unknown_token, "unknown"));
  put_added("pad_token", named_token(vocabulary, vocabulary.padding_token, "padding"));
  std::optional<SpecialText> before, after;
  if (definition.add_bos_token) before = required_token(bos, vocabulary.bos_token, "bos", vocabulary.where);
  if (definition.add_eos_token) after = required_token(eos, vocabulary.eos_token, "eos", vocabulary.where);
  if (before || after) definition.post_processor = frame_template(before, after);
}

void put_tokens(const GgufVocabulary& vocabulary, const TokenizerFamily& family, TokenizerDefinition& definition) {
  const auto& types = vocabulary.token_types;
  // Added tokens at the end of the list stay out of the model's vocabulary, as in the files the tokenizers came from.
  std::size_t last = types.size();
  while (last > 0 && types[last - 1] == kUnused) --last;
  while (last > 0 && (types[last - 1] == kControl || types[last - 1] == kUserDefined)) --last;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] == kUnused) continue;
    const std::string& text = vocabulary.tokens[i];
    const auto id = static_cast<std::int32_t>(i);
    if (types[i] != kNormal && types[i] != kByte) {
      const bool marked_wrongly =
          std::find(family.not_special.begin(), family.not_special.end(), text) != family.not_special.end();
      const bool special = types[i] == kUnknown || (types[i] == kControl && !marked_wrongly);
      definition.added.push_back({.content = text, .id = id, .special = special});
    }
    if (types[i] == kUnknown) definition.unknown_token = text;
    if (i < last) definition.vocabulary.push_back({text, id});
  }
}

// Pieces of text; control tokens and bytes come from nothing.
std::vector<ScoredPiece> mergeable_pieces(const GgufVocabulary& vocabulary) {
  std::vector<ScoredPiece> pieces;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const bool text = vocabulary.token_types[i] == kNormal || vocabulary.token_types[i] == kUserDefined;
    if (text) pieces.push_back({vocabulary.tokens[i], static_cast<std::int32_t>(i), vocabulary.scores[i]});
  }
  return pieces;
}

}  // namespace

TokenizerDefinition definition_from_gguf(const GgufVocabulary& vocabulary) {
  check_lists(vocabulary);
  TokenizerFamily family = has_scores(vocabulary) ? scored_family(vocabulary.add_space_prefix.value_or(true))
                                                  : tokenizer_family(vocabulary.pre, vocabulary.where);
  TokenizerDefinition definition;
  definition.where = vocabulary.where;
  put_tokens(vocabulary, family, definition);
  if (has_scores(vocabulary)) {
    definition.merges = merges_of_scores(mergeable_pieces(vocabulary));
  } else {
    for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
      definition.merges.push_back(split_merge(vocabulary.merges[rank], rank, vocabulary.where));
    }
  }
  definition.ignore_merges = family.ignore_merges;
  definition.fuse_unknown = family.fuse_unknown;
  definition.byte_fallback = family.byte_fallback;
  definition.normalizer = std::move(family.normalizer);
  definition.pre_tokenizer = std::move(family.pre_tokenizer);
  definition.post_processor = std::move(family.post_processor);
  definition.decoder = std::move(family.decoder);
  definition.tokenizer_class = family.tokenizer_class;
  definition.chat_template = vocabulary.chat_template;
  put_special_tokens(vocabulary, family, definition);
  return definition;
}

}  // namespace qreason
