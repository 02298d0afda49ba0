// The tokenizer part of a GGUF file, as llama.cpp and read_gguf.cpp read it.
#include <fmt/format.h>

#include "base/error.h"
#include "tokenizer/definition.h"
#include "tokenizer/scored_merges.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

// Two pieces in one text with a space between.
std::string merge_line(const std::pair<std::string, std::string>& merge, const std::string& where) {
  for (const std::string& piece : {merge.first, merge.second}) {
    if (piece.find(' ') == std::string::npos) continue;
    throw Error(where, fmt::format("the piece \"{}\" in a merge", shown(piece)), "pieces without spaces in GGUF");
  }
  return merge.first + " " + merge.second;
}

std::optional<std::int64_t> id_of(const TokenizerDefinition& definition, std::string_view name) {
  const auto text = definition.special_token(name);
  if (!text) return std::nullopt;
  for (const AddedToken& token : definition.added) {
    if (token.content == *text) return token.id;
  }
  for (const VocabularyEntry& entry : definition.vocabulary) {
    if (entry.piece == *text) return entry.id;
  }
  return std::nullopt;
}

void put_scores(const TokenizerDefinition& definition, GgufVocabulary& gguf) {
  gguf.add_space_prefix = scored_family_prefix(definition);
  if (!gguf.add_space_prefix) {
    throw Error(definition.where, "a way with spaces that GGUF has no word for",
                "the normalizers Prepend (or not) and Replace of SentencePiece, bytes for unknown characters");
  }
  gguf.scores.assign(gguf.tokens.size(), 0.0);
  const std::vector<double> scores = scores_of_merges(definition);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    gguf.scores[static_cast<std::size_t>(definition.vocabulary[i].id)] = scores[i];
  }
}

}  // namespace

GgufVocabulary definition_to_gguf(const TokenizerDefinition& definition, std::int64_t size) {
  const bool scored = read_decoder(definition.decoder, definition.where).spelling == Spelling::kCharacters;
  GgufVocabulary gguf{.model = scored ? "llama" : "gpt2",
                      .pre = scored ? "default" : family_name_of(definition),
                      .where = definition.where};
  for (std::int64_t id = 0; id < size; ++id) gguf.tokens.push_back(fmt::format("[PAD{}]", id));
  gguf.token_types.assign(static_cast<std::size_t>(size), kUnused);
  const auto put = [&](const std::string& piece, std::int32_t id, GgufTokenType type) {
    if (id >= size) {
      throw Error(definition.where, fmt::format("token {} for an embedding of {} rows", id, size), "a row a token");
    }
    gguf.tokens[static_cast<std::size_t>(id)] = piece;
    gguf.token_types[static_cast<std::size_t>(id)] = type;
  };
  for (const VocabularyEntry& entry : definition.vocabulary) {
    put(entry.piece, entry.id, scored && byte_of_piece(entry.piece) ? kByte : kNormal);
  }
  for (const AddedToken& token : definition.added) {
    const bool unknown = scored && token.content == definition.unknown_token;
    put(token.content, token.id, unknown ? kUnknown : token.special ? kControl : kUserDefined);
  }
  if (scored) {
    put_scores(definition, gguf);
  } else {
    for (const auto& merge : definition.merges) gguf.merges.push_back(merge_line(merge, definition.where));
  }
  gguf.bos_token = id_of(definition, "bos_token");
  gguf.eos_token = id_of(definition, "eos_token");
  gguf.unknown_token = id_of(definition, "unk_token");
  gguf.padding_token = id_of(definition, "pad_token");
  const SpecialFrame frame = read_post_processor(definition.post_processor, definition.where);
  const auto adds = [&](const std::vector<std::int32_t>& side, std::optional<std::int64_t>& token, const char* what) {
    if (side.empty()) return false;
    if (!token) token = side.front();
    if (side.size() == 1 && side.front() == *token) return true;
    throw Error(definition.where, fmt::format("{} tokens put {} a text", side.size(), what),
                "one of GGUF's: BOS or EOS");
  };
  gguf.add_bos_token = adds(frame.before, gguf.bos_token, "before");
  gguf.add_eos_token = adds(frame.after, gguf.eos_token, "behind");
  gguf.chat_template = definition.chat_template;
  return gguf;
}

}  // namespace qreason
