// Prompts from the command line or a file, and the requests they become.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/model_loader.h"
#include "cli/prompt_form.h"
#include "cli/stop_texts.h"

namespace qreason {

struct Prompt {
  std::string text;
  std::uint64_t seed = 0;
};

// One {"prompt": ..., "seed": ...} a line of the file, or of standard input for "-"; empty lines are skipped, `seed`
// stands in where a line has none. Errors name file and line; other keys are one.
std::vector<Prompt> read_prompts(const std::filesystem::path& path, std::uint64_t seed);

// A number of a request's seed: 0 or more.
std::uint64_t parse_seed(std::int64_t seed, const std::string& where);

// The prompt as it is, with the tokenizer's own BOS if it adds one; or as a user turn through the chat template, in the
// form of question that the model expects (cli/prompt_form.h).
struct RawPrompt {};
struct ChatPrompt {
  std::optional<PromptForm> form;
};
using PromptRendering = std::variant<RawPrompt, ChatPrompt>;

// The request's random numbers depend on the seed and the prompt's text alone, so that a prompt has the same answer
// alone, in any batch and at any place in a file.
Request make_request(const OpenedModel& model, const Prompt& prompt, const PromptRendering& rendering,
                     const SamplingParameters& sampling, const StopTexts& stop);

}  // namespace qreason
