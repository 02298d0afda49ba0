#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"

namespace qreason {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer), skip_special_(skip_special) {}

std::string StreamDecoder::push(std::int32_t token) {
  if (!tokenizer_->has_token(token) || (skip_special_ && tokenizer_->is_special(token))) return "";
  pending_ += tokenizer_->token_bytes(token);
  const std::size_t whole = pending_.size() - unfinished_utf8_tail(pending_);
  std::string text = utf8_lossy(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text = utf8_lossy(pending_);
  pending_.clear();
  return text;
}

}  // namespace qreason
