#include "analysis/windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace qreason {

std::vector<TokenWindow> cut_windows(std::span<const std::int32_t> tokens, std::int64_t window, std::int64_t limit) {
  if (window < 2) throw Error::usage("window", std::to_string(window), "at least 2 tokens");
  if (tokens.size() < 2) throw Error("text", fmt::format("{} tokens", tokens.size()), "at least 2");
  const std::size_t size = std::min(static_cast<std::size_t>(window), tokens.size());
  std::size_t count = tokens.size() / size;
  if (limit > 0) count = std::min(count, static_cast<std::size_t>(limit));
  std::vector<TokenWindow> windows;
  for (std::size_t i = 0; i < count; ++i) windows.push_back(tokens.subspan(i * size, size));
  return windows;
}

std::int64_t WindowLogits::next(std::vector<float>& logits) {
  const std::int64_t start = position();
  const std::int64_t rows = std::min(kPieceRows, static_cast<std::int64_t>(window_.size()) - start);
  const DecoderInput input{.tokens = window_.subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(rows)),
                           .cache = &cache_,
                           .logits = DecoderInput::Logits::kAll,
                           .prompt = static_cast<std::int64_t>(window_.size())};
  decoder_->forward({&input, 1}, step_, logits, *executor_);
  return rows;
}

}  // namespace qreason
