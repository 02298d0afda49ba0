#include <algorithm>

#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"

namespace qreason {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer), skip_special_(skip_special), spaces_left_(tokenizer.piece_text().leading_spaces) {}

std::string StreamDecoder::push(std::int32_t token) {
  if (!tokenizer_->has_token(token) || (skip_special_ && tokenizer_->is_special(token))) return "";
  if (tokenizer_->piece_text().spelling == Spelling::kCharacters) return push_characters(token);
  pending_ += tokenizer_->token_bytes(token);
  const std::size_t whole = pending_.size() - unfinished_utf8_tail(pending_);
  std::string text = utf8_lossy(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
  return text;
}

std::string StreamDecoder::push_characters(std::int32_t token) {
  if (tokenizer_->piece_text().is_byte(tokenizer_->piece(token))) {
    pending_ += tokenizer_->token_bytes(token);
    return "";
  }
  return without_leading_spaces(finished_run() + tokenizer_->token_bytes(token));
}

std::string StreamDecoder::finished_run() {
  std::string run;
  run.swap(pending_);
  if (valid_utf8_prefix(run).length == run.size()) return run;
  std::string text;
  for (std::size_t i = 0; i < run.size(); ++i) text += "\uFFFD";
  return text;
}

std::string StreamDecoder::without_leading_spaces(std::string text) {
  if (text.empty() || spaces_left_ == 0) return text;
  const std::size_t spaces = std::min({text.find_first_not_of(' '), text.size(), spaces_left_});
  spaces_left_ = spaces == text.size() ? spaces_left_ - spaces : 0;
  return text.substr(spaces);
}

std::string StreamDecoder::finish() {
  if (tokenizer_->piece_text().spelling == Spelling::kCharacters) return without_leading_spaces(finished_run());
  std::string text = utf8_lossy(pending_);
  pending_.clear();
  return text;
}

}  // namespace qreason
