// A tokenizer as its files define it, whichever files those are: read from tokenizer.json, vocab.json with merges.txt,
// or GGUF metadata; written as tokenizer.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/metaspace.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/piece_text.h"
#include "tokenizer/splitter.h"
#include "tokenizer/tokenizer.h"

namespace qreason {

// Ids from outside stay below this; tables by id may be as long.
constexpr std::int64_t kTokenIdLimit = 1 << 22;

struct VocabularyEntry {
  std::string piece;
  std::int32_t id;
};

struct TokenizerDefinition {
  std::string where;                        // the file, for error messages
  std::vector<VocabularyEntry> vocabulary;  // by id
  std::vector<std::pair<std::string, std::string>> merges;
  std::vector<AddedToken> added;
  bool ignore_merges = false;
  bool fuse_unknown = false;
  bool byte_fallback = false;  // a character without a token is the tokens "<0x0A>" of its bytes
  std::optional<std::string> unknown_token;
  // The sections of tokenizer.json, null where absent.
  Json normalizer, pre_tokenizer, post_processor, decoder;
  std::string tokenizer_class;  // for tokenizer_config.json
  bool add_bos_token = false, add_eos_token = false;
  SpecialInText special_in_text = SpecialInText::kToken;  // "split_special_tokens"
  // Names as chat templates have them ("bos_token") and texts.
  std::vector<std::pair<std::string, std::string>> special_tokens;
  std::optional<std::string> chat_template;

  std::optional<std::string> special_token(std::string_view name) const;
  void set_special_token(const std::string& name, std::string text);
};

// The sections and rules of a family of tokenizers, by the name GGUF's tokenizer.ggml.pre has for it.
struct TokenizerFamily {
  std::string tokenizer_class;
  Json normalizer, pre_tokenizer, post_processor, decoder;
  bool ignore_merges = false;
  bool adds_bos = false;  // when the file does not say
  bool has_bos = true;    // false: the family has no BOS token, whatever a file names
  bool fuse_unknown = false, byte_fallback = false;
  std::vector<std::string> not_special;  // added tokens that GGUF marks as control but are not special
};
TokenizerFamily tokenizer_family(const std::string& pre, const std::string& where);
// The name of the family that cuts texts as this tokenizer does and merges as it does; of several the first that has a
// BOS token where it has one. An Error: none does.
std::string family_name_of(const TokenizerDefinition& definition);
// The family of SentencePiece's vocabularies (tokenizer.ggml.model "llama"), and whether a definition is of it: whether
// it puts a space before every part of a text, nullopt where it is not.
TokenizerFamily scored_family(bool space_prefix);
std::optional<bool> scored_family_prefix(const TokenizerDefinition& definition);

TokenizerDefinition read_tokenizer_directory(const std::filesystem::path& path);
TokenizerDefinition definition_from_gguf(const GgufVocabulary& vocabulary);
GgufVocabulary definition_to_gguf(const TokenizerDefinition& definition, std::int64_t size);
OrderedJson tokenizer_json(const TokenizerDefinition& definition);
OrderedJson tokenizer_config_json(const TokenizerDefinition& definition);

// What GGUF's tokenizer.ggml.token_type says of a token.
enum GgufTokenType : std::int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// A post-processor that puts `before` and `after` around the text, those that are there.
struct SpecialText {
  std::string text;
  std::int32_t id;
};
Json frame_template(const std::optional<SpecialText>& before, const std::optional<SpecialText>& after);

// What the sections mean.
struct PreTokenizer {
  std::vector<std::unique_ptr<Splitter>> stages;
  bool add_prefix_space = false;  // to each piece before the last stage that does not begin with a space
  std::size_t stages_before_prefix = 0;
  std::optional<Metaspace> metaspace{};  // instead of all these
  bool adds_prefix() const { return metaspace ? metaspace->prefix != Metaspace::Prefix::kNever : add_prefix_space; }
};
// Of a vocabulary spelled in bytes: stages of which ByteLevel is the last. In characters: Metaspace or none.
PreTokenizer read_pre_tokenizer(const Json& section, Spelling spelling, const std::string& where);

struct SpecialFrame {
  std::vector<std::int32_t> before, after;  // token ids put around a text
};
SpecialFrame read_post_processor(const Json& section, const std::string& where);

}  // namespace qreason
