// The text that perplexity and compare read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/model_loader.h"

namespace qreason {

struct EvaluationText {
  std::string text;
  std::string source;  // file, or what stands for it
};

// --text FILE, as it is. Without it WikiText-2 (wikitext2/ppl_joined.txt in a data folder, data/locations.h), and where
// that is absent the GSM8K test set that ships with the program: question and worked answer, problems apart by a blank
// line.
EvaluationText load_evaluation_text(const std::optional<std::string>& file);

// The whole text tokenized once, without special tokens.
std::vector<std::int32_t> encode_evaluation_text(const OpenedModel& model, const EvaluationText& text);

}  // namespace qreason
