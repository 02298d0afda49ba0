// What an OpenAI-compatible server says in answer to one request, whole or in pieces of a stream.
//
// Nothing of it is believed: a member of another type, no choice or more than one, pieces of another answer, an end
// that is none, and more text than was asked for are Errors. Counts of tokens are taken as they are told and judged
// elsewhere (endpoint/token_counts.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"

namespace qreason {

// POST <url>/chat/completions with the user's turn, or <url>/completions with a prompt that was rendered here.
enum class EndpointApi { kChat, kCompletions };

struct ServerAnswer {
  // What the model wrote. A thought that the server keeps apart (`reasoning_content`, or `reasoning`) stands before it
  // as <think>...</think>, where graders look for it; one without an answer behind it is not closed.
  std::string text;
  std::string finish_reason;                                 // "stop" or "length"
  std::optional<std::int64_t> prompt_tokens, output_tokens;  // as the server counts; nullopt where it says nothing
  std::string model;                                         // that the server says has answered; may be empty
};

// Puts one answer together.
class AnswerReader {
 public:
  struct Limits {
    std::uint64_t text_bytes = 0;
  };
  AnswerReader(EndpointApi api, Limits limits) : api_(api), limits_(limits) {}

  // A whole answer, or the next piece of one: {"choices": [...]} or {"error": ...}, which is thrown. Errors are without
  // a place: the caller knows the server.
  void take_whole(const Json& answer);
  void take_piece(const Json& piece);

  // Whether the end of the text was told. Counts may still come.
  bool ended() const { return !finish_reason_.empty(); }
  // Bytes of text so far.
  std::uint64_t size() const { return thought_.size() + text_.size(); }

  // Error where the end was not told.
  ServerAnswer finish() &&;

 private:
  void take(const Json& object, const char* message);
  void take_choice(const Json& choice, const char* message);
  void take_text(const Json& choice, const char* message);
  void take_usage(const Json& object);
  void append(std::string& to, const std::string& text);

  EndpointApi api_;
  Limits limits_;
  std::string id_, thought_, text_, finish_reason_, model_;
  std::optional<std::int64_t> prompt_tokens_, output_tokens_;
};

}  // namespace qreason
