// A chat read from standard input, a line a turn, answered as it is generated.
#pragma once

#include <cstdint>

#include "cli/model_loader.h"
#include "engine/engine.h"

namespace qreason {

// Ends at the end of the input. Each turn's prompt is the rendered conversation so far.
void run_chat(const OpenedModel& model, Engine& engine, const SamplingParameters& sampling, std::uint64_t seed);

// One request through an idle engine, its text on standard output as it comes; the answer with its whole text.
struct StreamedAnswer {
  Answer answer;
  std::string text;
};
StreamedAnswer stream_answer(const OpenedTokenizer& text, Engine& engine, Request request);

}  // namespace qreason
