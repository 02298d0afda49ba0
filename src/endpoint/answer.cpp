#include "endpoint/answer.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace qreason {
namespace {

constexpr const char* kAnswer = "the server's answer";
constexpr std::size_t kLongestQuote = 120;

std::string quoted(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kLongestQuote) text = text.substr(0, kLongestQuote) + "...";
  return escaped(text);
}

// A failure told in the answer's place: vLLM sends it in the middle of a stream.
void refuse_error(const Json& object) {
  if (!object.contains("error") || object["error"].is_null()) return;
  const Json& error = object["error"];
  const bool has_message = error.is_object() && error.contains("message") && error["message"].is_string();
  throw Error(kAnswer, "an error: " + quoted(has_message ? error["message"] : error));
}

// A count that is no number is one that was not told.
std::optional<std::int64_t> count_of(const Json& usage, const char* key) {
  if (!usage.contains(key) || !usage[key].is_number_integer()) return std::nullopt;
  const Json& count = usage[key];
  if (count.is_number_unsigned() && count.get<std::uint64_t>() > INT64_MAX) return INT64_MAX;
  return count.get<std::int64_t>();
}

}  // namespace

void AnswerReader::take_whole(const Json& answer) {
  take(answer, "message");
  if (!ended()) throw Error(kAnswer, "no finish_reason", "\"stop\" or \"length\"");
}

void AnswerReader::take_piece(const Json& piece) {
  take(piece, "delta");
}

void AnswerReader::take(const Json& object, const char* message) {
  if (!object.is_object()) throw Error(kAnswer, quoted(object), "an object with choices");
  refuse_error(object);
  const std::string id = json_string_if(object, "id", kAnswer).value_or("");
  if (!id_.empty() && !id.empty() && id != id_)
    throw Error(kAnswer, fmt::format("pieces of two answers ({}, {})", escaped(id_), escaped(id)), "pieces of one");
  if (id_.empty()) id_ = id.substr(0, kLongestQuote);
  if (model_.empty()) model_ = json_string_if(object, "model", kAnswer).value_or("").substr(0, kLongestQuote);
  take_usage(object);
  const bool is_piece = std::string_view(message) == "delta";
  if (is_piece && (!object.contains("choices") || object["choices"].empty())) return;  // counts alone
  const Json& choices = json_member(object, "choices", kAnswer);
  if (!choices.is_array()) throw Error(kAnswer, "choices: " + quoted(choices), "a list");
  if (choices.size() != 1)
    throw Error(kAnswer, fmt::format("{} choices", choices.size()), "the one that was asked for");
  take_choice(choices[0], message);
}

void AnswerReader::take_choice(const Json& choice, const char* message) {
  if (!choice.is_object()) throw Error(kAnswer, "a choice: " + quoted(choice), "an object");
  if (const auto index = json_int_if(choice, "index", kAnswer); index && *index != 0)
    throw Error(kAnswer, fmt::format("choice {}", *index), "choice 0, the one that was asked for");
  take_text(choice, message);
  const auto reason = json_string_if(choice, "finish_reason", kAnswer);
  if (!reason) return;
  if (*reason != "stop" && *reason != "length")
    throw Error(kAnswer, fmt::format("finish_reason \"{}\"", escaped(reason->substr(0, kLongestQuote))),
                "stop or length");
  if (ended() && finish_reason_ != *reason) throw Error(kAnswer, "two ends, stop and length", "one");
  finish_reason_ = *reason;
}

void AnswerReader::take_text(const Json& choice, const char* message) {
  if (api_ == EndpointApi::kCompletions) {
    append(text_, json_string_if(choice, "text", kAnswer).value_or(""));
    return;
  }
  if (!choice.contains(message) || choice[message].is_null()) return;
  const Json& turn = choice[message];
  if (!turn.is_object()) throw Error(kAnswer, fmt::format("{}: {}", message, quoted(turn)), "an object");
  // Some servers give the thought under both names.
  auto thought = json_string_if(turn, "reasoning_content", kAnswer);
  if (!thought || thought->empty()) thought = json_string_if(turn, "reasoning", kAnswer);
  append(thought_, thought.value_or(""));
  append(text_, json_string_if(turn, "content", kAnswer).value_or(""));
}

void AnswerReader::take_usage(const Json& object) {
  if (!object.contains("usage") || !object["usage"].is_object()) return;
  const Json& usage = object["usage"];
  if (const auto count = count_of(usage, "prompt_tokens")) prompt_tokens_ = count;
  if (const auto count = count_of(usage, "completion_tokens")) output_tokens_ = count;
}

void AnswerReader::append(std::string& to, const std::string& text) {
  if (size() + text.size() > limits_.text_bytes)
    throw Error(kAnswer, fmt::format("more than {} bytes of text", limits_.text_bytes), "what max_tokens allows");
  if (ended() && !text.empty()) throw Error(kAnswer, "text behind its end", "none");
  to += text;
}

ServerAnswer AnswerReader::finish() && {
  if (!ended()) throw Error(kAnswer, "cut: no finish_reason came", "\"stop\" or \"length\"");
  ServerAnswer answer{.text = std::move(text_),
                      .finish_reason = std::move(finish_reason_),
                      .prompt_tokens = prompt_tokens_,
                      .output_tokens = output_tokens_,
                      .model = std::move(model_)};
  if (!thought_.empty()) {
    const std::string end = answer.text.empty() ? "" : "\n</think>\n\n";
    answer.text = "<think>\n" + thought_ + end + answer.text;
  }
  return answer;
}

}  // namespace qreason
