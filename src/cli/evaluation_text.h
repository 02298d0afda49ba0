// The text that perplexity and compare read.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_loader.h"

namespace qreason {

struct EvaluationText {
  std::string text;
  std::string source;  // file, or what stands for it
};

// --text FILE as it is, "-" for standard input. Without it WikiText-2 (wikitext2/ppl_joined.txt in a data folder,
// data/locations.h), and where that is absent the GSM8K test set that ships with the program: question and worked
// answer, problems apart by a blank line.
EvaluationText load_evaluation_text(const std::optional<std::string>& file);

// The whole text tokenized once, without special tokens.
std::vector<std::int32_t> encode_evaluation_text(const OpenedModel& model, const EvaluationText& text);

// Usage Errors of --window (fewer than 2 tokens) and --windows (fewer than 0; 0 are all), before a model is opened.
void check_windows(std::int64_t window, std::int64_t windows);

// `window`, or all the positions of the model with the fewest, with a note, where it has not so many.
std::int64_t fitting_window(std::int64_t window, std::initializer_list<const Checkpoint*> models);

}  // namespace qreason
