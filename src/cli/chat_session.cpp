#include "cli/chat_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "cli/line_reader.h"
#include "cli/terminal.h"
#include "cli/thought_tokens.h"
#include "data/utf8.h"

namespace qreason {
namespace {

void print_now(const std::string& piece) {
  fmt::print("{}", piece);
  std::fflush(stdout);
}

bool interrupted_now() {
  if (take_interrupt()) return true;
  check_interrupt();
  return false;
}

// False at the end of the chat.
bool next_turn(LineReader& input, std::string& line) {
  const bool on_terminal = ::isatty(STDIN_FILENO) != 0;
  if (on_terminal) {
    fmt::print(stderr, "> ");
    std::fflush(stderr);
  }
  const LineReader::Outcome outcome = input.next(line);
  // Both leave the prompt's line unfinished.
  if (outcome != LineReader::Outcome::kLine && on_terminal) fmt::print(stderr, "\n");
  return outcome == LineReader::Outcome::kLine;
}

Request turn_request(const OpenedModel& model, const std::vector<ChatMessage>& messages, const ChatOptions& options) {
  const OpenedTokenizer& text = model.require_text();
  const std::string rendered = render_chat(text, messages);
  return {.prompt = text.tokenizer.encode(rendered, SpecialTokens::kOmit),
          .sampling = options.sampling,
          .key = {.seed = options.seed, .problem = stable_hash(rendered), .sample = 0},
          .stop_tokens = stop_tokens(model),
          .thought = thought_tokens(text, options.sampling, rendered),
          .ends_at = options.stop.watch(text.tokenizer)};
}

constexpr std::string_view kNewConversation = "/new";

// Whether the context has room for the turn and a token of its answer; a warning where it has not.
bool has_room(const Request& turn, const Engine& engine, bool first) {
  const auto length = static_cast<std::int64_t>(turn.prompt.size());
  if (length < engine.context()) return true;
  log_warning(
      fmt::format("{} is {} tokens long, and the context has {} positions: the line is left out; {}",
                  first ? "the message" : "the conversation with this line", length, engine.context(),
                  first ? "write a shorter one" : fmt::format("{} begins a new conversation", kNewConversation)));
  return false;
}

}  // namespace

std::string stream_answer(const OpenedTokenizer& text, Engine& engine, Request request, const StopTexts& stop,
                          const std::function<bool()>& stopped) {
  StreamDecoder decoder(text.tokenizer);
  std::string answer;
  std::size_t shown = 0, end = 0;  // the answer ends there
  const auto show = [&](std::size_t until) {
    if (until <= shown) return;
    print_now(answer.substr(shown, until - shown));
    shown = until;
  };
  const auto hear = [&](const std::string& piece) {
    answer += piece;
    end = stop.first_in(answer, shown);
    // What may be the beginning of a stop text waits until it is none.
    if (end == answer.size()) show(end - stop.held_back(answer));
  };
  const std::int64_t number = engine.submit(std::move(request));
  while (!engine.idle()) {
    if (stopped()) {
      engine.cancel(number);
      break;
    }
    engine.step([&](std::int64_t, std::int32_t token) { hear(decoder.push(token)); });
  }
  hear(decoder.finish());
  show(end);
  print_now("\n");
  answer.resize(end);
  return answer;
}

void run_chat(const OpenedModel& model, Engine& engine, const ChatOptions& options) {
  std::vector<ChatMessage> messages;
  LineReader input;
  for (std::string line; next_turn(input, line);) {
    if (line.empty()) continue;
    if (!is_utf8(line)) {
      log_warning("a line that is not UTF-8 is left out");
      continue;
    }
    if (line == kNewConversation) {
      messages.clear();
      continue;
    }
    messages.push_back({.role = "user", .content = options.form ? options.form->turn(line) : line});
    Request turn = turn_request(model, messages, options);
    if (!has_room(turn, engine, messages.size() == 1)) {
      messages.pop_back();
      continue;
    }
    messages.push_back(
        {.role = "assistant",
         .content = stream_answer(model.require_text(), engine, std::move(turn), options.stop, interrupted_now)});
  }
}

}  // namespace qreason
