#include "tokenizer/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/error.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/byte_symbols.h"
#include "tokenizer/definition.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::size_t kLongestPiece = 16384;

struct TokenEntry {
  std::string piece;
  bool special = false;
};

}  // namespace

struct Tokenizer::Model {
  TokenizerDefinition definition;
  std::deque<TokenEntry> entries;                          // those that exist; they never move
  std::vector<std::int32_t> entry_of_id;                   // position in entries, -1 for gaps
  std::unordered_map<std::string_view, std::int32_t> ids;  // views into entries
  Normalizer normalizer;
  PieceText piece_text;
  PreTokenizer pre_tokenizer;
  bool cut_at_spaces = false;  // a text without stages is cut before its spaces: no token reaches over one
  SpecialFrame frame;
  AddedTokenMatcher raw_matcher, normalized_matcher;
  std::optional<Bpe> bpe;
  std::optional<std::int32_t> bos, eos;

  explicit Model(TokenizerDefinition source) : definition(std::move(source)) {
    const std::string& where = definition.where;
    normalizer = read_normalizer(definition.normalizer, where);
    piece_text = read_decoder(definition.decoder, where);
    pre_tokenizer = read_pre_tokenizer(definition.pre_tokenizer, piece_text.spelling, where);
    frame = read_post_processor(definition.post_processor, where);
    if (definition.byte_fallback && piece_text.spelling == Spelling::kBytes) {
      throw Error(where, "model.byte_fallback is true", "it absent in a vocabulary of bytes (a ByteLevel decoder)");
    }
    collect_entries();
    build_bpe();
    build_matchers();
    const auto bos_text = definition.special_token("bos_token");
    bos = named(bos_text);
    eos = named(definition.special_token("eos_token"));
    if (!bos && !bos_text && frame.before.size() == 1) bos = frame.before[0];
    for (const auto& side : {frame.before, frame.after}) {
      for (const std::int32_t id : side) require(id, "a post_processor token");
    }
  }

  const TokenEntry* entry(std::int32_t id) const {
    const bool inside = id >= 0 && static_cast<std::size_t>(id) < entry_of_id.size();
    const std::int32_t position = inside ? entry_of_id[static_cast<std::size_t>(id)] : -1;
    return position >= 0 ? &entries[static_cast<std::size_t>(position)] : nullptr;
  }

  const TokenEntry& require(std::int32_t id, std::string_view what) const {
    const TokenEntry* found = entry(id);
    if (found == nullptr) throw Error(definition.where, fmt::format("{} has id {}", what, id), "the id of a token");
    return *found;
  }

  std::optional<std::int32_t> named(const std::optional<std::string>& piece) const {
    if (!piece) return std::nullopt;
    const auto found = ids.find(*piece);
    return found == ids.end() ? std::nullopt : std::optional(found->second);
  }

  void collect_entries() {
    std::int32_t highest = -1;
    for (const VocabularyEntry& item : definition.vocabulary) highest = std::max(highest, item.id);
    for (const AddedToken& token : definition.added) highest = std::max(highest, token.id);
    if (highest < 0) throw Error(definition.where, "no tokens", "a vocabulary");
    entry_of_id.assign(static_cast<std::size_t>(highest) + 1, -1);
    ids.reserve(definition.vocabulary.size() + definition.added.size());
    for (const VocabularyEntry& item : definition.vocabulary) put_entry(item.piece, item.id);
    for (const AddedToken& token : definition.added) {
      TokenEntry& entry = put_entry(token.content, token.id);
      entry.special = entry.special || token.special;
    }
  }

  // The same piece may come twice under one id (an added token that is in the vocabulary, too), nothing else may.
  TokenEntry& put_entry(const std::string& piece, std::int32_t id) {
    const std::string& where = definition.where;
    if (piece.empty() || piece.size() > kLongestPiece) {
      throw Error(where, fmt::format("token {} has {} bytes", id, piece.size()), fmt::format("1 to {}", kLongestPiece));
    }
    std::int32_t& position = entry_of_id[static_cast<std::size_t>(id)];
    if (position >= 0) {
      TokenEntry& present = entries[static_cast<std::size_t>(position)];
      if (present.piece == piece) return present;
      throw Error(where, fmt::format("id {} belongs to both \"{}\" and \"{}\"", id, shown(present.piece), shown(piece)),
                  "one token an id");
    }
    position = static_cast<std::int32_t>(entries.size());
    TokenEntry& slot = entries.emplace_back(TokenEntry{.piece = piece});
    const auto [known, is_new] = ids.emplace(slot.piece, id);
    if (!is_new) {
      throw Error(where, fmt::format("token \"{}\" has the ids {} and {}", shown(piece), known->second, id),
                  "one id a token");
    }
    return slot;
  }

  void build_bpe() {
    std::vector<BpeToken> tokens;
    tokens.reserve(definition.vocabulary.size());
    std::unordered_map<std::string_view, std::int32_t> model_ids;  // added tokens take no part in merging
    model_ids.reserve(definition.vocabulary.size());
    for (const VocabularyEntry& item : definition.vocabulary) {
      model_ids.emplace(item.piece, item.id);
      if (piece_text.spelling == Spelling::kCharacters) {
        tokens.push_back({item.piece, item.id});
      } else if (auto bytes = symbols_to_bytes(item.piece)) {
        tokens.push_back({std::move(*bytes), item.id});
      }
    }
    const auto id_of = [&](const std::string& piece, std::size_t rank) {
      const auto found = model_ids.find(piece);
      if (found != model_ids.end()) return found->second;
      throw Error(definition.where, fmt::format("merge {} needs \"{}\"", rank, shown(piece)),
                  "a piece of the vocabulary");
    };
    std::vector<BpeMerge> merges;
    merges.reserve(definition.merges.size());
    for (std::size_t rank = 0; rank < definition.merges.size(); ++rank) {
      const auto& [left, right] = definition.merges[rank];
      merges.push_back({id_of(left, rank), id_of(right, rank), id_of(left + right, rank)});
    }
    BpeOptions options{.ignore_merges = definition.ignore_merges,
                       .fuse_unknown = definition.fuse_unknown,
                       .characters = piece_text.spelling == Spelling::kCharacters};
    if (definition.byte_fallback) options.byte_fallback = byte_pieces();
    cut_at_spaces = options.characters && ids.contains(kSpaceMark) && spaces_begin_words();
    if (definition.unknown_token) {
      const auto found = model_ids.find(*definition.unknown_token);
      if (found == model_ids.end()) {
        throw Error(definition.where, fmt::format("model.unk_token is \"{}\"", shown(*definition.unknown_token)),
                    "a piece of the vocabulary");
      }
      options.unknown_token = found->second;
    }
    bpe.emplace(tokens, merges, options);
  }

  // The ids of "<0x00>" to "<0xFF>", those that are there.
  std::vector<std::optional<std::int32_t>> byte_pieces() const {
    std::vector<std::optional<std::int32_t>> found(256);
    for (const VocabularyEntry& item : definition.vocabulary) {
      const auto byte = byte_of_piece(item.piece);
      if (byte && item.piece == fmt::format("<0x{:02X}>", *byte)) found[*byte] = item.id;
    }
    return found;
  }

  // No merge makes a piece with a space behind another character: words may be encoded one by one.
  bool spaces_begin_words() const {
    return std::none_of(definition.merges.begin(), definition.merges.end(), [](const auto& merge) {
      return merge.second.starts_with(kSpaceMark) && !replaced_text(merge.first, kSpaceMark, "").empty();
    });
  }

  void build_matchers() {
    std::string buffer;
    // A special token wins over another one of the same spelling; the order is that of the tokenizers library.
    for (const bool special : {true, false}) {
      for (const AddedToken& token : definition.added) {
        if (token.special != special) continue;
        if (token.normalized) {
          normalized_matcher.add(token, normalizer.apply(token.content, buffer));
        } else {
          raw_matcher.add(token, token.content);
        }
      }
    }
  }

  void encode_text(std::string_view text, std::vector<std::int32_t>& out) const;
  void encode_plain(std::string_view text, std::vector<std::int32_t>& out) const;
  void encode_characters(std::string_view text, bool first, std::vector<std::int32_t>& out) const;
};

// Added tokens that are looked for in the raw text, then those in the normalized text, then words.
void Tokenizer::Model::encode_text(std::string_view text, std::vector<std::int32_t>& out) const {
  std::vector<TextPart> parts, inner_parts;
  raw_matcher.split(text, definition.special_in_text, parts);
  std::string buffer;
  for (const TextPart& part : parts) {
    if (part.id >= 0) {
      out.push_back(part.id);
      continue;
    }
    inner_parts.clear();
    const std::string_view plain = normalizer.apply(part.text, buffer);
    normalized_matcher.split(plain, definition.special_in_text, inner_parts);
    for (const TextPart& inner : inner_parts) {
      if (inner.id >= 0) {
        out.push_back(inner.id);
      } else if (piece_text.spelling == Spelling::kCharacters) {
        encode_characters(inner.text, part.text.data() == text.data() && inner.text.data() == plain.data(), out);
      } else {
        encode_plain(inner.text, out);
      }
    }
  }
}

void Tokenizer::Model::encode_plain(std::string_view text, std::vector<std::int32_t>& out) const {
  std::vector<std::string_view> pieces = {text}, cut;
  std::deque<std::string> prefixed;
  for (std::size_t stage = 0; stage <= pre_tokenizer.stages.size(); ++stage) {
    if (pre_tokenizer.add_prefix_space && stage == pre_tokenizer.stages_before_prefix) {
      for (std::string_view& piece : pieces) {
        if (!piece.starts_with(' ')) piece = prefixed.emplace_back(" " + std::string(piece));
      }
    }
    if (stage == pre_tokenizer.stages.size()) break;
    cut.clear();
    for (const std::string_view piece : pieces) pre_tokenizer.stages[stage]->split(piece, cut);
    pieces.swap(cut);
  }
  for (const std::string_view word : pieces) bpe->encode_word(word, out);
}

// `first`: the part begins the text.
void Tokenizer::Model::encode_characters(std::string_view part, bool first, std::vector<std::int32_t>& out) const {
  std::string marked;
  std::vector<std::string_view> words;
  const std::optional<Metaspace>& metaspace = pre_tokenizer.metaspace;
  if (metaspace) part = marked = metaspace->apply(part, first);
  if (metaspace && metaspace->split) {
    cut_at_marks(part, metaspace->mark, MarkCuts::kEvery, words);
  } else if (cut_at_spaces) {
    cut_at_marks(part, kSpaceMark, MarkCuts::kRuns, words);
  } else {
    words.push_back(part);
  }
  for (const std::string_view word : words) bpe->encode_word(word, out);
}

Tokenizer::Tokenizer(std::unique_ptr<Model> model) : model_(std::move(model)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::from_directory(const std::filesystem::path& path) {
  return Tokenizer(std::make_unique<Model>(read_tokenizer_directory(path)));
}

Tokenizer Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  return Tokenizer(std::make_unique<Model>(definition_from_gguf(vocabulary)));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, SpecialTokens special) const {
  const std::size_t valid = valid_utf8_prefix(text).length;
  if (valid != text.size()) throw Error("text", fmt::format("invalid UTF-8 at byte {}", valid), "UTF-8");
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + model_->frame.before.size() + model_->frame.after.size());
  if (special == SpecialTokens::kAdd) ids = model_->frame.before;
  model_->encode_text(text, ids);
  if (special == SpecialTokens::kAdd) {
    ids.insert(ids.end(), model_->frame.after.begin(), model_->frame.after.end());
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> tokens, bool skip_special) const {
  if (model_->piece_text.spelling == Spelling::kCharacters) {
    StreamDecoder stream(*this, skip_special);
    std::string text;
    for (const std::int32_t token : tokens) text += stream.push(token);
    return text + stream.finish();
  }
  std::string bytes;
  for (const std::int32_t token : tokens) {
    const TokenEntry* entry = model_->entry(token);
    if (entry == nullptr || (skip_special && entry->special)) continue;
    bytes += model_->piece_text.bytes_of(entry->piece);
  }
  return utf8_lossy(bytes);
}

const std::string& Tokenizer::piece(std::int32_t token) const {
  return model_->require(token, "a token").piece;
}

std::string Tokenizer::token_bytes(std::int32_t token) const {
  return model_->piece_text.bytes_of(piece(token));
}

const PieceText& Tokenizer::piece_text() const {
  return model_->piece_text;
}

std::int64_t Tokenizer::vocabulary_size() const {
  return static_cast<std::int64_t>(model_->entry_of_id.size());
}

std::optional<std::int32_t> Tokenizer::token_id(std::string_view piece) const {
  const auto found = model_->ids.find(piece);
  return found == model_->ids.end() ? std::nullopt : std::optional(found->second);
}

bool Tokenizer::has_token(std::int32_t token) const {
  return model_->entry(token) != nullptr;
}

bool Tokenizer::is_special(std::int32_t token) const {
  const TokenEntry* entry = model_->entry(token);
  return entry != nullptr && entry->special;
}

std::optional<std::int32_t> Tokenizer::bos_token() const {
  return model_->bos;
}

std::optional<std::int32_t> Tokenizer::eos_token() const {
  return model_->eos;
}

std::optional<std::string> Tokenizer::chat_template() const {
  return model_->definition.chat_template;
}

std::string Tokenizer::bos_text() const {
  return model_->definition.special_token("bos_token").value_or("");
}

std::string Tokenizer::eos_text() const {
  return model_->definition.special_token("eos_token").value_or("");
}

const std::vector<std::pair<std::string, std::string>>& Tokenizer::special_texts() const {
  return model_->definition.special_tokens;
}

std::string Tokenizer::to_tokenizer_json() const {
  return tokenizer_json(model_->definition).dump(2) + "\n";
}

std::string Tokenizer::to_tokenizer_config_json() const {
  return tokenizer_config_json(model_->definition).dump(2) + "\n";
}

GgufVocabulary Tokenizer::to_gguf(std::int64_t size) const {
  return definition_to_gguf(model_->definition, size);
}

}  // namespace qreason
