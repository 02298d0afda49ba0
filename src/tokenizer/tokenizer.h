// BPE tokenizers, over bytes (Qwen2, Llama-3, GPT-2/SmolLM2 families) and over characters (SentencePiece's: Mistral,
// Llama 2), from tokenizer.json or GGUF metadata.
//
// Ids and texts are those of the Hugging Face `tokenizers` library, so: bytes that a vocabulary lacks are left out (or
// become its unk_token). (transformers 5 makes tokenizers of its class LlamaTokenizer anew, whatever their file says:
// it puts no space before a text that stands behind a special token.) "truncation" and "padding" sections are not
// applied. Every const member may be called from many threads. A field or type that is not supported, and a file that
// contradicts itself, is an Error that names it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/piece_text.h"

namespace qreason {

// The tokenizer part of a GGUF file's metadata, as plain data.
struct GgufVocabulary {
  std::string model;  // tokenizer.ggml.model: "gpt2" (over bytes) or "llama" (SentencePiece's BPE)
  std::string pre;    // tokenizer.ggml.pre: "qwen2", "llama-bpe", "smollm", "deepseek-r1-qwen", ...; of gpt2
  std::vector<std::string> tokens;
  std::vector<std::int64_t> token_types;  // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<std::string> merges;        // of gpt2
  std::vector<double> scores;             // of llama: of two merges the one into the token of higher score comes first
  std::optional<std::int64_t> bos_token, eos_token, unknown_token, padding_token;
  std::optional<bool> add_bos_token, add_eos_token;
  std::optional<bool> add_space_prefix;  // of llama: a space before every part of a text; not said: yes
  std::optional<std::string> chat_template;
  std::string where;  // for error messages
};

enum class SpecialTokens { kAdd, kOmit };  // whether the post-processor's (BOS) tokens are put around

class Tokenizer {
 public:
  // A directory with tokenizer.json (and the files beside it: tokenizer/json_sections.h), or the json file.
  static Tokenizer from_directory(const std::filesystem::path& path);
  static Tokenizer from_gguf(const GgufVocabulary& vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;

  // Added and special tokens in the text are recognized. Invalid UTF-8 is an Error.
  std::vector<std::int32_t> encode(std::string_view text, SpecialTokens special = SpecialTokens::kOmit) const;
  // Bytes of the tokens; `skip_special` leaves special tokens out. Invalid UTF-8 in the result becomes U+FFFD. Ids
  // without a token (the padding rows of an embedding, which a model can sample) have no text.
  std::string decode(std::span<const std::int32_t> tokens, bool skip_special = true) const;
  // The piece as the vocabulary spells it ("Ġthe"), and its bytes.
  const std::string& piece(std::int32_t token) const;
  std::string token_bytes(std::int32_t token) const;
  const PieceText& piece_text() const;

  std::int64_t vocabulary_size() const;  // highest id + 1
  std::optional<std::int32_t> token_id(std::string_view piece) const;
  bool has_token(std::int32_t token) const;  // false for gaps and ids beyond the vocabulary
  bool is_special(std::int32_t token) const;
  std::optional<std::int32_t> bos_token() const;
  std::optional<std::int32_t> eos_token() const;
  std::optional<std::string> chat_template() const;  // Jinja source
  std::string bos_text() const;                      // what templates see as bos_token / eos_token
  std::string eos_text() const;
  // All that templates see, by name: "bos_token", "pad_token", those of one model ("image_token").
  const std::vector<std::pair<std::string, std::string>>& special_texts() const;

  // The tokenizer.json / tokenizer_config.json that hold this tokenizer (for checkpoints made from GGUF files).
  std::string to_tokenizer_json() const;
  std::string to_tokenizer_config_json() const;
  // The same for GGUF files, with a token for each of the `size` rows of an embedding; rows without one are unused.
  // Errors: fewer rows than tokens; a way of cutting texts or a piece that GGUF has no word for.
  GgufVocabulary to_gguf(std::int64_t size) const;

 private:
  struct Model;
  explicit Tokenizer(std::unique_ptr<Model> model);
  std::unique_ptr<Model> model_;
};

// Tokens to text as they come: returns only whole UTF-8 characters, keeps the rest for the next call. Of
// SentencePiece's byte tokens a whole run is kept: if it is no UTF-8, each of its bytes is U+FFFD.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  std::string push(std::int32_t token);
  std::string finish();  // what is left, as U+FFFD where it is no character

 private:
  std::string push_characters(std::int32_t token);
  std::string finished_run();
  std::string without_leading_spaces(std::string text);

  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::size_t spaces_left_;  // that the text's beginning still loses
  std::string pending_;
};

}  // namespace qreason
