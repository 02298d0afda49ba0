// Byte-pair encoding of single words (Sennrich et al. 2016, over bytes as in GPT-2 or over characters as in
// SentencePiece): of all adjacent pairs that have a merge, the one of lowest rank, leftmost first, becomes one token,
// until none is left.
//
// Read-only after construction, so any number of threads may encode. There is no cache of words: most words of real
// text are one token, and a table of the tokens that merging their own bytes arrives at answers those in one look-up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace qreason {

struct BpeMerge {
  std::int32_t left, right, merged;  // ids below 2^22; the rank is the position in the list
};

struct BpeToken {
  std::string bytes;
  std::int32_t id;
};

struct BpeOptions {
  bool ignore_merges = false;                 // a word that is in the vocabulary is that token, reachable or not
  bool fuse_unknown = false;                  // a run of unknown bytes becomes one unknown token
  std::optional<std::int32_t> unknown_token;  // for bytes without a token; without it they are left out
  bool characters = false;                    // words begin as their characters, not their bytes
  // The tokens of the bytes of characters without a token; empty, or one of its bytes missing: unknown.
  std::vector<std::optional<std::int32_t>> byte_fallback{};
};

class Bpe {
 public:
  // `tokens`: those spelled in bytes, each spelling once.
  Bpe(std::span<const BpeToken> tokens, std::span<const BpeMerge> merges, const BpeOptions& options);

  // Appends the tokens of one non-empty word.
  void encode_word(std::string_view word, std::vector<std::int32_t>& out) const;

 private:
  struct Merge {
    std::uint32_t rank;  // kNoRank: no merge
    std::int32_t merged;
  };
  struct WordSlot {
    std::uint64_t key;     // the bytes themselves up to 8, a hash beyond
    std::uint32_t length;  // 0: free
    std::int32_t id;
  };
  struct PairSlot {
    std::uint64_t key;  // left << 32 | right
    Merge merge;
  };
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFFu;
  static constexpr std::size_t kShortWord = 48;

  void build_pairs(std::span<const BpeMerge> merges);
  void build_words(std::span<const BpeToken> tokens, bool all);
  void insert_word(const BpeToken& token);
  std::optional<std::int32_t> find_word(std::string_view word) const;
  Merge find_merge(std::int32_t left, std::int32_t right) const;
  void merge_word(std::string_view word, std::vector<std::int32_t>& out) const;
  void merge_short(std::string_view word, std::vector<std::int32_t>& out) const;
  void merge_few(std::span<const std::int32_t> symbols, std::vector<std::int32_t>& out) const;
  // Few symbols with the merges of the pairs that begin at each.
  struct ShortWord;
  void merge_pairs(ShortWord& word, std::vector<std::int32_t>& out) const;
  void merge_long(std::vector<std::int32_t> symbols, std::vector<std::int32_t>& out) const;
  std::vector<std::int32_t> symbols_of(std::string_view word) const;
  std::vector<std::int32_t> characters_of(std::string_view word) const;
  bool fall_back(std::string_view character, std::vector<std::int32_t>& symbols) const;

  std::array<std::int32_t, 256> byte_tokens_;  // -1: the vocabulary lacks the byte
  bool every_byte_known_ = true;
  bool characters_ = false;
  std::unordered_map<char32_t, std::int32_t> character_tokens_;
  std::vector<std::optional<std::int32_t>> byte_fallback_;
  bool fuse_unknown_ = false;
  std::optional<std::int32_t> unknown_token_;
  std::vector<Merge> byte_pairs_;            // [256 * left byte + right byte], where most look-ups end
  std::vector<PairSlot> pairs_;              // open addressing, a power of two
  std::vector<std::uint64_t> pair_filter_;   // one bit a hash: most pairs have no merge
  std::vector<WordSlot> words_;              // open addressing, a power of two
  std::vector<std::uint32_t> word_offsets_;  // of words longer than 8 bytes, in word_bytes_
  std::string word_bytes_;
  std::size_t longest_word_ = 0;
};

}  // namespace qreason
