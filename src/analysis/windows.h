// A text cut into windows that a model reads one by one, and the logits of a window in pieces of bounded memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/decoder.h"

namespace qreason {

using TokenWindow = std::span<const std::int32_t>;

// Consecutive windows of `window` tokens; an incomplete last one is left out, but a text shorter than one window is one
// window. At most `limit` of them (0: all). Errors: fewer than two tokens in all, window < 2.
std::vector<TokenWindow> cut_windows(std::span<const std::int32_t> tokens, std::int64_t window, std::int64_t limit = 0);

// The logits of a window, kPieceRows rows at a time, from an empty cache.
class WindowLogits {
 public:
  static constexpr std::int64_t kPieceRows = 256;

  WindowLogits(const Decoder& decoder, TokenWindow window, Executor& executor)
      : decoder_(&decoder),
        window_(window),
        executor_(&executor),
        cache_(PagePool(decoder.cache_layout(), 0, executor.backend())) {}

  bool done() const { return cache_.length() == static_cast<std::int64_t>(window_.size()); }
  std::int64_t position() const { return cache_.length(); }  // of the next piece's first row
  // Rows of the next piece; [rows, vocab] in `logits`.
  std::int64_t next(std::vector<float>& logits);

 private:
  const Decoder* decoder_;
  TokenWindow window_;
  Executor* executor_;
  SequenceCache cache_;
  DecoderStep step_;
};

}  // namespace qreason
