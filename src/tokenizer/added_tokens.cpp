#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "tokenizer/unicode.h"

namespace qreason {
namespace {

std::uint64_t edge(std::uint32_t node, char byte) {
  return static_cast<std::uint64_t>(node) << 8 | static_cast<unsigned char>(byte);
}

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool word_before = begin > 0 && is_word_character(decode_valid_before(text, begin).codepoint);
  const bool word_after = end < text.size() && is_word_character(decode_valid(text.data() + end).codepoint);
  return !word_before && !word_after;
}

std::size_t before_white_space(std::string_view text, std::size_t position, std::size_t limit) {
  while (position > limit) {
    const DecodedChar previous = decode_valid_before(text, position);
    if (!is_white_space(previous.codepoint)) break;
    position -= previous.length;
  }
  return position;
}

std::size_t after_white_space(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    const DecodedChar next = decode_valid(text.data() + position);
    if (!is_white_space(next.codepoint)) break;
    position += next.length;
  }
  return position;
}

}  // namespace

void AddedTokenMatcher::add(const AddedToken& token, std::string_view spelling) {
  if (spelling.empty()) return;
  std::uint32_t node = 0;
  for (const char byte : spelling) {
    const auto [child, is_new] = children_.try_emplace(edge(node, byte), static_cast<std::uint32_t>(token_at_.size()));
    if (is_new) token_at_.push_back(kNoToken);
    node = child->second;
  }
  if (token_at_[node] != kNoToken) return;
  token_at_[node] = static_cast<std::uint32_t>(tokens_.size());
  tokens_.push_back(token);
  starts_[static_cast<unsigned char>(spelling[0])] = true;
}

AddedTokenMatcher::Found AddedTokenMatcher::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    Found longest{begin, begin, nullptr};
    std::uint32_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      const auto child = children_.find(edge(node, text[i]));
      if (child == children_.end()) break;
      node = child->second;
      if (token_at_[node] != kNoToken) longest = {begin, i + 1, &tokens_[token_at_[node]]};
    }
    if (longest.token != nullptr) return longest;
  }
  return {text.size(), text.size(), nullptr};
}

void AddedTokenMatcher::split(std::string_view text, SpecialInText special, std::vector<TextPart>& parts) const {
  std::size_t done = 0;
  std::size_t searched = 0;
  while (true) {
    const Found found = find(text, searched);
    if (found.token == nullptr) break;
    searched = found.end;
    if (found.token->special && special == SpecialInText::kText) continue;
    if (found.token->single_word && !stands_alone(text, found.begin, found.end)) continue;
    std::size_t begin = found.begin, end = found.end;
    if (found.token->lstrip) begin = before_white_space(text, begin, std::min(done, begin));
    // A match inside white space that was taken already: it ends where that ends.
    if (found.token->rstrip) end = end < done ? done : after_white_space(text, end);
    if (begin > done) parts.push_back({text.substr(done, begin - done), -1});
    parts.push_back({text.substr(begin, end - begin), found.token->id});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), -1});
}

}  // namespace qreason
