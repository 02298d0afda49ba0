// Byte-pair encoding against the rule itself, applied naively: merge the leftmost pair of lowest rank until none is
// left.
#include "tokenizer/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace qreason {
namespace {

struct Vocabulary {
  std::vector<BpeToken> tokens;
  std::vector<BpeMerge> merges;
};

// Single bytes of `alphabet`, then merges of random pairs of what is there; every third result is left unreachable by
// giving its pair a worse rank later on.
Vocabulary random_vocabulary(std::mt19937& random, std::string_view alphabet, int merge_count) {
  Vocabulary made;
  std::map<std::string, std::int32_t> ids;
  const auto add = [&](const std::string& bytes) {
    const auto id = static_cast<std::int32_t>(ids.size());
    if (ids.emplace(bytes, id).second) made.tokens.push_back({bytes, id});
    return ids[bytes];
  };
  for (const char c : alphabet) add(std::string(1, c));
  std::map<std::pair<std::int32_t, std::int32_t>, bool> seen;
  for (int i = 0; i < merge_count; ++i) {
    const BpeToken left = made.tokens[random() % made.tokens.size()],
                   right = made.tokens[random() % made.tokens.size()];
    if (left.bytes.size() + right.bytes.size() > 20 || !seen.emplace(std::pair(left.id, right.id), true).second)
      continue;
    made.merges.push_back({left.id, right.id, add(left.bytes + right.bytes)});
  }
  std::shuffle(made.merges.begin(), made.merges.end(), random);
  return made;
}

std::vector<std::int32_t> naive_encode(const Vocabulary& vocabulary, std::string_view word) {
  std::vector<std::int32_t> ids;
  for (const char c : word) {
    for (const BpeToken& token : vocabulary.tokens) {
      if (token.bytes == std::string(1, c)) ids.push_back(token.id);
    }
  }
  while (true) {
    std::size_t best_rank = vocabulary.merges.size(), best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        const BpeMerge& merge = vocabulary.merges[rank];
        if (merge.left == ids[i] && merge.right == ids[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == vocabulary.merges.size()) return ids;
    ids[best] = vocabulary.merges[best_rank].merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<std::int32_t> encode(const Bpe& bpe, std::string_view word) {
  std::vector<std::int32_t> ids;
  bpe.encode_word(word, ids);
  return ids;
}

TEST(Bpe, EqualsTheNaiveRuleOnShortAndLongWords) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round) {
    const std::string alphabet = round % 2 == 0 ? "abc" : "abcdefgh";
    const Vocabulary vocabulary = random_vocabulary(random, alphabet, 60);
    const Bpe bpe(vocabulary.tokens, vocabulary.merges, {});
    for (int i = 0; i < 60; ++i) {
      std::string word;
      const std::size_t length = 1 + random() % (i % 4 == 0 ? 150 : 30);
      while (word.size() < length) word += alphabet[random() % alphabet.size()];
      ASSERT_EQ(encode(bpe, word), naive_encode(vocabulary, word)) << word;
    }
  }
}

TEST(Bpe, EqualsTheNaiveRuleWhenEveryByteHasAToken) {
  std::mt19937 random(12);
  std::string alphabet;
  for (int byte = 0; byte < 256; ++byte) alphabet += static_cast<char>(byte);
  Vocabulary vocabulary = random_vocabulary(random, alphabet, 0);
  // a small dense corner of merges over 'a', 'b' and 'c'
  const Vocabulary corner = random_vocabulary(random, "abc", 80);
  const auto shifted = [&](std::int32_t id) { return id < 3 ? static_cast<std::int32_t>('a' + id) : id + 253; };
  for (std::size_t i = 3; i < corner.tokens.size(); ++i) {
    vocabulary.tokens.push_back({corner.tokens[i].bytes, shifted(corner.tokens[i].id)});
  }
  for (const BpeMerge& merge : corner.merges) {
    vocabulary.merges.push_back({shifted(merge.left), shifted(merge.right), shifted(merge.merged)});
  }
  const Bpe bpe(vocabulary.tokens, vocabulary.merges, {});
  for (int i = 0; i < 400; ++i) {
    std::string word;
    for (std::size_t length = 1 + random() % 60; word.size() < length;) word += "abcx"[random() % 4];
    ASSERT_EQ(encode(bpe, word), naive_encode(vocabulary, word)) << word;
  }
}

TEST(Bpe, TakesAWholeWordThatMergingDoesNotReachOnlyWithIgnoreMerges) {
  // a+b has no merge, so "ab" is in the vocabulary but not reachable: Llama 3 has such words.
  const std::vector<BpeToken> tokens = {{"a", 0}, {"b", 1}, {"ab", 2}};
  EXPECT_EQ(encode(Bpe(tokens, {}, {}), "ab"), (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(encode(Bpe(tokens, {}, {.ignore_merges = true}), "ab"), (std::vector<std::int32_t>{2}));
}

TEST(Bpe, LeavesBytesWithoutATokenOutOrMakesThemUnknown) {
  const std::vector<BpeToken> tokens = {{"a", 0}, {"b", 1}};
  EXPECT_EQ(encode(Bpe(tokens, {}, {}), "axxb"), (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(encode(Bpe(tokens, {}, {.unknown_token = 9}), "axxb"), (std::vector<std::int32_t>{0, 9, 9, 1}));
  EXPECT_EQ(encode(Bpe(tokens, {}, {.fuse_unknown = true, .unknown_token = 9}), "axxbx"),
            (std::vector<std::int32_t>{0, 9, 1, 9}));
}

TEST(Bpe, MergesAVeryLongWordInReasonableTime) {
  const std::vector<BpeToken> tokens = {{"a", 0}, {"aa", 1}, {"aaaa", 2}};
  const std::vector<BpeMerge> merges = {{0, 0, 1}, {1, 1, 2}};
  const std::vector<std::int32_t> ids = encode(Bpe(tokens, merges, {}), std::string(1'000'003, 'a'));
  ASSERT_EQ(ids.size(), 250'000u + 2);
  EXPECT_EQ(ids.front(), 2);
  EXPECT_EQ(ids[250'000], 1);
  EXPECT_EQ(ids[250'001], 0);
}

}  // namespace
}  // namespace qreason
