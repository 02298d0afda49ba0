// What a server sends. An Error is a result; anything else that is thrown, a crash, a hang or a sanitizer's report is a
// finding.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "endpoint/answer.h"
#include "endpoint/event_stream.h"

namespace qreason::fuzz {

// The first byte says which interface it is, and in pieces of how many bytes the stream comes.
inline unsigned read_as_answer(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kMostText = 1 << 16;
  if (bytes.empty()) return 0;
  const EndpointApi api = (bytes[0] & 1) != 0 ? EndpointApi::kChat : EndpointApi::kCompletions;
  const std::size_t step = 1 + bytes[0] / 2;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 1, bytes.size() - 1);
  unsigned sum = 0;
  try {
    AnswerReader reader(api, {.text_bytes = kMostText});
    EventStream stream(4 * kMostText);
    for (std::size_t at = 0; at < text.size(); at += step)
      stream.feed(text.substr(at, step), [&](std::string_view data) {
        if (data != "[DONE]") reader.take_piece(parse_json(data, "event"));
      });
    sum += static_cast<unsigned>(std::move(reader).finish().text.size());
  } catch (const Error&) {
  }
  try {
    AnswerReader reader(api, {.text_bytes = kMostText});
    reader.take_whole(parse_json(text, "answer"));
    sum += static_cast<unsigned>(std::move(reader).finish().text.size());
  } catch (const Error&) {
  }
  return sum;
}

}  // namespace qreason::fuzz
