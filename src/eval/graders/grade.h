// What a grader says about one answer.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "data/dataset.h"

namespace qreason {

struct Grade {
  bool correct = false;
  std::string extracted;  // the answer as found in the text; empty when there is none
};

// What a grader takes of a problem: the gold answer alone, which result files hold, or the row of the data set.
enum class GradedBy : std::uint8_t { kGold, kTests };

// Graders are pure functions of the model's text and the problem it answers; they run on threads of their own.
using Grader = std::function<Grade(std::string_view text, const Problem& problem)>;

// The same for people: what was extracted, how both answers are read, and what decided. Lines, the last one ended.
using Explainer = std::function<std::string(std::string_view text, const Problem& problem)>;

// Whether two answers that were found in texts are one: what votes are counted by. Empty where there is no such thing.
using SameAnswer = std::function<bool(std::string_view a, std::string_view b)>;

}  // namespace qreason
