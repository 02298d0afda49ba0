// A chat read from standard input, a line a turn, answered as it is generated.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "cli/model_loader.h"
#include "cli/prompt_form.h"
#include "cli/stop_texts.h"
#include "engine/engine.h"

namespace qreason {

struct ChatOptions {
  SamplingParameters sampling;
  std::uint64_t seed = 42;
  std::optional<PromptForm> form;  // of what the user asks; nullopt: as typed
  StopTexts stop;
};

// Each turn's prompt is the rendered conversation so far. Ctrl-C during an answer stops the answer, of which what is
// there belongs to the conversation; at the prompt it ends the chat, as the end of the input does. A turn for which the
// context has no room any more is left out with a warning, and the chat goes on; the line "/new" begins another
// conversation.
void run_chat(const OpenedModel& model, Engine& engine, const ChatOptions& options);

// One request through an idle engine, its text on standard output as it comes; returns the whole text, up to a stop
// text. `stopped` is asked before every step: the answer then ends with what there is.
std::string stream_answer(const OpenedTokenizer& text, Engine& engine, Request request, const StopTexts& stop,
                          const std::function<bool()>& stopped);

}  // namespace qreason
