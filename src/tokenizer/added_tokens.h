// Added tokens: strings that are found in the text before pre-tokenization and become one token each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace qreason {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool special = false;
  bool normalized = false;  // looked for in the normalized text instead of the raw text
  bool lstrip = false;      // takes the white space before it along
  bool rstrip = false;
  bool single_word = false;  // only where no word character touches it
  bool operator==(const AddedToken&) const = default;
};

// Whether special tokens are looked for in a text, or stand in it as any other text.
enum class SpecialInText { kToken, kText };

// A part of a text: an added token, or (id < 0) text without any.
struct TextPart {
  std::string_view text;
  std::int32_t id;
};

// Finds a set of added tokens: leftmost, and of those that start at one place the longest.
class AddedTokenMatcher {
 public:
  // `spelling` is what is looked for (the content, or its normalized form).
  void add(const AddedToken& token, std::string_view spelling);
  bool empty() const { return tokens_.empty(); }
  void split(std::string_view text, SpecialInText special, std::vector<TextPart>& parts) const;

 private:
  struct Found {
    std::size_t begin, end;
    const AddedToken* token;  // null: none from here on
  };
  Found find(std::string_view text, std::size_t from) const;

  static constexpr std::uint32_t kNoToken = 0xFFFFFFFFu;
  std::vector<AddedToken> tokens_;
  std::array<bool, 256> starts_{};                             // bytes that some token begins with
  std::unordered_map<std::uint64_t, std::uint32_t> children_;  // trie: node << 8 | byte -> node
  std::vector<std::uint32_t> token_at_ = {kNoToken};           // node -> index into tokens_
};

}  // namespace qreason
