#include "tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <queue>

#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15u;

std::uint64_t load(const char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, count);
  return value;
}

// One to eight bytes as a number; together with the length no two words share it.
std::uint64_t short_key(std::string_view word) {
  const std::size_t n = word.size();
  if (n == 8) return load(word.data(), 8);
  if (n >= 4) return load(word.data() + n - 4, 4) << 32 | load(word.data(), 4);
  const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(word[i])); };
  return at(0) | at(n / 2) << 8 | at(n - 1) << 16;
}

std::uint64_t long_key(std::string_view word) {
  std::uint64_t hash = 0;
  std::size_t i = 0;
  for (; i + 8 <= word.size(); i += 8) {
    hash = (std::rotl(hash, 23) ^ load(word.data() + i, 8)) * kMix;
  }
  return (std::rotl(hash, 23) ^ load(word.data() + word.size() - 8, 8)) * kMix;
}

std::uint64_t word_key(std::string_view word) {
  return word.size() <= 8 ? short_key(word) : long_key(word);
}

std::size_t word_slot(std::uint64_t key, std::size_t length, std::size_t mask) {
  const std::uint64_t hash = (key ^ length) * kMix;
  return static_cast<std::size_t>(hash ^ hash >> 32) & mask;
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
}

std::uint64_t pair_hash(std::uint64_t key) {
  const std::uint64_t hash = key * kMix;
  return hash ^ hash >> 29;
}

std::size_t table_size(std::size_t entries) {
  return std::bit_ceil(std::max<std::size_t>(entries * 2, 16));
}

}  // namespace

Bpe::Bpe(std::span<const BpeToken> tokens, std::span<const BpeMerge> merges, const BpeOptions& options)
    : characters_(options.characters),
      byte_fallback_(options.byte_fallback),
      fuse_unknown_(options.fuse_unknown),
      unknown_token_(options.unknown_token) {
  byte_tokens_.fill(-1);
  for (const BpeToken& token : tokens) {
    if (characters_) {
      if (token.bytes.empty()) continue;
      const DecodedChar first = decode_valid(token.bytes.data());
      if (first.length == token.bytes.size()) character_tokens_.emplace(first.codepoint, token.id);
    } else if (token.bytes.size() == 1)
      byte_tokens_[static_cast<unsigned char>(token.bytes[0])] = token.id;
  }
  every_byte_known_ = std::find(byte_tokens_.begin(), byte_tokens_.end(), -1) == byte_tokens_.end();
  build_pairs(merges);
  build_words(tokens, options.ignore_merges);
}

void Bpe::build_pairs(std::span<const BpeMerge> merges) {
  pairs_.assign(table_size(merges.size()), PairSlot{0, {kNoRank, 0}});
  pair_filter_.assign(std::max<std::size_t>(pairs_.size() * 4 / 64, 1), 0);
  const std::size_t mask = pairs_.size() - 1;
  const std::size_t filter_mask = pair_filter_.size() * 64 - 1;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t key = pair_key(merges[rank].left, merges[rank].right);
    const std::uint64_t hash = pair_hash(key);
    std::size_t slot = hash & mask;
    while (pairs_[slot].merge.rank != kNoRank && pairs_[slot].key != key) slot = (slot + 1) & mask;
    pairs_[slot] = {key, {static_cast<std::uint32_t>(rank), merges[rank].merged}};
    const std::size_t bit = (hash >> 32) & filter_mask;
    pair_filter_[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
  byte_pairs_.assign(256 * 256, {kNoRank, 0});
  for (std::size_t left = 0; left < 256; ++left) {
    for (std::size_t right = 0; right < 256; ++right) {
      if (byte_tokens_[left] < 0 || byte_tokens_[right] < 0) continue;
      byte_pairs_[left * 256 + right] = find_merge(byte_tokens_[left], byte_tokens_[right]);
    }
  }
}

Bpe::Merge Bpe::find_merge(std::int32_t left, std::int32_t right) const {
  const std::uint64_t key = pair_key(left, right);
  const std::uint64_t hash = pair_hash(key);
  const std::size_t bit = (hash >> 32) & (pair_filter_.size() * 64 - 1);
  if ((pair_filter_[bit / 64] >> bit % 64 & 1) == 0) return {kNoRank, 0};
  const std::size_t mask = pairs_.size() - 1;
  for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
    if (pairs_[slot].merge.rank == kNoRank) return {kNoRank, 0};
    if (pairs_[slot].key == key) return pairs_[slot].merge;
  }
}

void Bpe::build_words(std::span<const BpeToken> tokens, bool all) {
  words_.assign(table_size(tokens.size()), WordSlot{0, 0, 0});
  word_offsets_.assign(words_.size(), 0);
  std::vector<std::int32_t> merged;
  for (const BpeToken& token : tokens) {
    if (token.bytes.empty()) continue;
    if (!all) {
      merged.clear();
      merge_word(token.bytes, merged);
      if (merged.size() != 1 || merged[0] != token.id) continue;
    }
    insert_word(token);
  }
}

void Bpe::insert_word(const BpeToken& token) {
  const std::uint64_t key = word_key(token.bytes);
  const std::size_t mask = words_.size() - 1;
  std::size_t slot = word_slot(key, token.bytes.size(), mask);
  while (words_[slot].length != 0) slot = (slot + 1) & mask;
  words_[slot] = {key, static_cast<std::uint32_t>(token.bytes.size()), token.id};
  if (token.bytes.size() > 8) {
    word_offsets_[slot] = static_cast<std::uint32_t>(word_bytes_.size());
    word_bytes_ += token.bytes;
  }
  longest_word_ = std::max(longest_word_, token.bytes.size());
}

std::optional<std::int32_t> Bpe::find_word(std::string_view word) const {
  if (word.size() > longest_word_) return std::nullopt;
  const std::uint64_t key = word_key(word);
  const std::size_t mask = words_.size() - 1;
  for (std::size_t slot = word_slot(key, word.size(), mask); words_[slot].length != 0; slot = (slot + 1) & mask) {
    const WordSlot& entry = words_[slot];
    if (entry.key != key || entry.length != word.size()) continue;
    if (word.size() <= 8 || std::memcmp(word_bytes_.data() + word_offsets_[slot], word.data(), word.size()) == 0) {
      return entry.id;
    }
  }
  return std::nullopt;
}

void Bpe::encode_word(std::string_view word, std::vector<std::int32_t>& out) const {
  if (const auto id = find_word(word)) {
    out.push_back(*id);
  } else {
    merge_word(word, out);
  }
}

void Bpe::merge_word(std::string_view word, std::vector<std::int32_t>& out) const {
  if (characters_) {
    std::vector<std::int32_t> symbols = characters_of(word);
    symbols.size() <= kShortWord ? merge_few(symbols, out) : merge_long(std::move(symbols), out);
  } else if (every_byte_known_ && word.size() <= kShortWord) {
    merge_short(word, out);
  } else {
    merge_long(symbols_of(word), out);
  }
}

// All bytes of the character, or none.
bool Bpe::fall_back(std::string_view character, std::vector<std::int32_t>& symbols) const {
  if (byte_fallback_.empty()) return false;
  const auto token_of = [&](char byte) { return byte_fallback_[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(character.begin(), character.end(), [&](char byte) { return token_of(byte).has_value(); })) {
    return false;
  }
  for (const char byte : character) symbols.push_back(*token_of(byte));
  return true;
}

std::vector<std::int32_t> Bpe::characters_of(std::string_view word) const {
  std::vector<std::int32_t> symbols;
  symbols.reserve(word.size());
  bool after_unknown = false;
  for (std::size_t i = 0; i < word.size();) {
    const DecodedChar next = decode_valid(word.data() + i);
    const auto found = character_tokens_.find(next.codepoint);
    const bool known = found != character_tokens_.end();
    if (known) symbols.push_back(found->second);
    const bool unknown = !known && !fall_back(word.substr(i, next.length), symbols);
    if (unknown && unknown_token_ && !(after_unknown && fuse_unknown_)) symbols.push_back(*unknown_token_);
    after_unknown = unknown;
    i += next.length;
  }
  return symbols;
}

std::vector<std::int32_t> Bpe::symbols_of(std::string_view word) const {
  std::vector<std::int32_t> symbols;
  symbols.reserve(word.size());
  bool after_unknown = false;
  for (const char byte : word) {
    const std::int32_t id = byte_tokens_[static_cast<unsigned char>(byte)];
    if (id >= 0) {
      symbols.push_back(id);
    } else if (unknown_token_ && !(after_unknown && fuse_unknown_)) {
      symbols.push_back(*unknown_token_);
    }
    after_unknown = id < 0;
  }
  return symbols;
}

struct Bpe::ShortWord {
  std::array<std::int32_t, kShortWord + 1> ids{};
  std::array<std::uint32_t, kShortWord + 1> ranks{};  // of the pair that begins here
  std::array<std::int32_t, kShortWord + 1> merged{};
  std::size_t count = 0;

  void put(std::size_t i, const Merge& merge) {
    ranks[i] = merge.rank;
    merged[i] = merge.merged;
  }
};

void Bpe::merge_short(std::string_view word, std::vector<std::int32_t>& out) const {
  ShortWord symbols;
  const std::size_t count = symbols.count = word.size();
  for (std::size_t i = 0; i < count; ++i) symbols.ids[i] = byte_tokens_[static_cast<unsigned char>(word[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) {
    const auto left = static_cast<unsigned char>(word[i]), right = static_cast<unsigned char>(word[i + 1]);
    symbols.put(i, byte_pairs_[left * std::size_t{256} + right]);
  }
  merge_pairs(symbols, out);
}

void Bpe::merge_few(std::span<const std::int32_t> symbols, std::vector<std::int32_t>& out) const {
  ShortWord word;
  word.count = symbols.size();
  std::copy(symbols.begin(), symbols.end(), word.ids.begin());
  for (std::size_t i = 0; i + 1 < word.count; ++i) word.put(i, find_merge(word.ids[i], word.ids[i + 1]));
  merge_pairs(word, out);
}

// Arrays that shrink: for short words the memory moves cost less than a queue.
void Bpe::merge_pairs(ShortWord& word, std::vector<std::int32_t>& out) const {
  auto& [ids, ranks, merged, count] = word;
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) best = ranks[i] < ranks[best] ? i : best;
    if (ranks[best] == kNoRank) break;
    ids[best] = merged[best];
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      ids[i] = ids[i + 1];
      ranks[i] = ranks[i + 1];
      merged[i] = merged[i + 1];
    }
    --count;
    const auto refresh = [&](std::size_t i) { word.put(i, find_merge(ids[i], ids[i + 1])); };
    if (best > 0) refresh(best - 1);
    if (best + 1 < count) refresh(best);
  }
  out.insert(out.end(), ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
}

// A queue over linked symbols: n log n, for words of any length. An entry is stale when its symbols have changed since.
void Bpe::merge_long(std::vector<std::int32_t> symbols, std::vector<std::int32_t>& out) const {
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t position;
    std::int32_t left, right, merged;
    bool operator<(const Candidate& other) const {  // the priority queue keeps the largest on top
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  constexpr std::uint32_t kNone = 0xFFFFFFFFu;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  std::vector<std::uint32_t> previous(count), next(count);
  std::vector<Candidate> initial;
  const auto candidate_at = [&](std::uint32_t position, auto&& add) {
    const std::int32_t left = symbols[position], right = symbols[next[position]];
    const Merge merge = find_merge(left, right);
    if (merge.rank != kNoRank) add(Candidate{merge.rank, position, left, right, merge.merged});
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    previous[i] = i == 0 ? kNone : i - 1;
    next[i] = i + 1 == count ? kNone : i + 1;
  }
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    candidate_at(i, [&](const Candidate& candidate) { initial.push_back(candidate); });
  }
  std::priority_queue<Candidate> queue(std::less<Candidate>(), std::move(initial));
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    const std::uint32_t right = symbols[top.position] == top.left ? next[top.position] : kNone;
    if (right == kNone || symbols[right] != top.right) continue;
    symbols[top.position] = top.merged;
    symbols[right] = -1;
    next[top.position] = next[right];
    if (next[right] != kNone) previous[next[right]] = top.position;
    const auto push = [&](const Candidate& candidate) { queue.push(candidate); };
    if (previous[top.position] != kNone) candidate_at(previous[top.position], push);
    if (next[top.position] != kNone) candidate_at(top.position, push);
  }
  for (const std::int32_t symbol : symbols) {
    if (symbol >= 0) out.push_back(symbol);
  }
}

}  // namespace qreason
