// What a grader says about one answer.
#pragma once

#include <string>
#include <string_view>

namespace qreason {

struct Grade {
  bool correct = false;
  std::string extracted;  // the answer as found in the text; empty when there is none
};

// Graders are pure functions of the model's text and the gold answer.
using Grader = Grade (*)(std::string_view text, std::string_view gold);

}  // namespace qreason
