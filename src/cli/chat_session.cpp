#include "cli/chat_session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/random.h"

namespace qreason {
namespace {

void print_now(const std::string& piece) {
  fmt::print("{}", piece);
  std::fflush(stdout);
}

bool next_turn(std::string& line) {
  if (isatty(STDIN_FILENO) != 0) {
    fmt::print(stderr, "> ");
    std::fflush(stderr);
  }
  return static_cast<bool>(std::getline(std::cin, line));
}

Request turn_request(const OpenedModel& model, const std::vector<ChatMessage>& messages, std::uint64_t seed) {
  const OpenedTokenizer& text = model.require_text();
  if (!text.chat) throw Error(text.where, text.chat_problem, "a chat template, or -p with --raw");
  const std::string rendered = text.chat->render(
      {.messages = messages, .bos_token = text.tokenizer.bos_text(), .eos_token = text.tokenizer.eos_text()});
  return {.prompt = text.tokenizer.encode(rendered, SpecialTokens::kOmit),
          .sampling = {},
          .key = {.seed = seed, .problem = stable_hash(rendered), .sample = 0},
          .stop_tokens = stop_tokens(model)};
}

}  // namespace

StreamedAnswer stream_answer(const OpenedTokenizer& text, Engine& engine, Request request) {
  StreamDecoder decoder(text.tokenizer);
  StreamedAnswer result;
  const auto emit = [&](const std::string& piece) {
    result.text += piece;
    print_now(piece);
  };
  engine.submit(std::move(request));
  while (!engine.idle()) {
    check_interrupt();
    for (auto& finished : engine.step([&](std::int64_t, std::int32_t token) { emit(decoder.push(token)); })) {
      result.answer = std::move(finished.answer);
    }
  }
  emit(decoder.finish());
  print_now("\n");
  return result;
}

void run_chat(const OpenedModel& model, Engine& engine, const SamplingParameters& sampling, std::uint64_t seed) {
  std::vector<ChatMessage> messages;
  for (std::string line; next_turn(line);) {
    check_interrupt();
    if (line.empty()) continue;
    messages.push_back({.role = "user", .content = line});
    Request request = turn_request(model, messages, seed);
    request.sampling = sampling;
    StreamedAnswer streamed = stream_answer(model.require_text(), engine, std::move(request));
    messages.push_back({.role = "assistant", .content = std::move(streamed.text)});
  }
}

}  // namespace qreason
