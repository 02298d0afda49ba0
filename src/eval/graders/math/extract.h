// The final answer in what a model wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qreason::math {

enum class FoundBy { kBox, kAnchor, kFormula, kNumber, kWhole, kNothing };

struct Extraction {
  std::string answer;
  FoundBy found_by = FoundBy::kNothing;
};

// What follows the last </think>, or all of it when there is none.
std::string_view after_thinking(std::string_view text);

// The content of every \boxed{...} and \fbox{...} with balanced braces, in order.
struct Box {
  std::size_t begin, end;  // of the whole command, bytes
  std::string_view content;
};
std::vector<Box> find_boxes(std::string_view text);

// From the text after the thinking: the last box (with the boxes joined to it: "\boxed{1} and \boxed{2}" is "1, 2"),
// else what follows the last "final answer is", "answer is", "####" or "answer:", else the last formula or number.
Extraction extract_answer(std::string_view text);

}  // namespace qreason::math
