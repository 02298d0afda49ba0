// The final answer in what a model wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qreason::math {

enum class FoundBy { kBox, kAnchor, kFormula, kNumber, kWhole, kNothing };

struct Extraction {
  std::string answer;
  FoundBy found_by = FoundBy::kNothing;
  std::size_t begin = 0, end = 0;  // where a first_value or last_value stands in its text, bytes
};

// The content of every \boxed{...} and \fbox{...} with balanced braces, in order.
struct Box {
  std::size_t begin, end;  // of the whole command, bytes
  std::string_view content;
};
std::vector<Box> find_boxes(std::string_view text);

// What the boxes say: the last one that is not empty, with those joined to it ("\boxed{1} and \boxed{2}" is "1, 2": a
// comma, "and" or "or" between them, and no words but a noun, a unit or the next one's name). nullopt: no box. All of
// them empty: an empty answer, whatever else the text says. A box behind "not": nothing, found by kNothing.
std::optional<Extraction> from_boxes(std::string_view text);

// The first or last number or formula in running text. nullopt: none.
std::optional<Extraction> first_value(std::string_view text);
std::optional<Extraction> last_value(std::string_view text);

// From the text after the thinking (all of it when the thought is unfinished, as in the study): the last box, else what
// follows the last "final answer is", "answer is", "####" or "answer:", else the last formula or number.
Extraction extract_answer(std::string_view text);

std::string_view trimmed(std::string_view text);
// The index after the brace that closes the one at `open`; npos when none does.
std::size_t closing_brace(std::string_view text, std::size_t open);
// Words of a sentence: runs of three letters or more that are neither a command nor "and" or "or"; other scripts.
bool has_words(std::string_view text);
// Whether what stands between two boxes or formulas makes them one answer.
bool joins(std::string_view between);

}  // namespace qreason::math
