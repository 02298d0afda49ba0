// Where a text says which choice it takes, and which.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace qreason::choice {

// From the most explicit to the least.
enum class ClaimKind {
  kAnswerLine,  // behind "Answer:", as prompts ask for it
  kBox,         // \boxed{B}
  kStatement,   // "the answer is B", "the correct option would be (B)"
  kRemark,      // "it's B", "I choose B", "option B is correct"
};

struct Claim {
  ClaimKind kind;
  char letter = 0;            // 0: it names two or takes one back, or "Answer:" is followed by none
  std::size_t begin = 0;      // of what announces it
  std::size_t letter_at = 0;  // behind the letter; 0 without one
};

// All of them, in order. Conditions ("if the answer is B"), negations and questions claim nothing.
std::vector<Claim> find_claims(std::string_view text);

// The letter of a text whose first or last line begins with a choice ("B", "(B)", "B. it can't be A"), unless lines
// begin with several ones, as lists of choices do.
std::optional<char> labelled_line(std::string_view text);

}  // namespace qreason::choice
