// Words that take back what is said beside them, for all graders: one list for each idea. All words are in small
// letters, with plain apostrophes.
#pragma once

#include <string_view>

namespace qreason {

// "not", "isn't", "neither".
bool is_negation(std::string_view word);
// "wrong", "excluded", "impossible": what they are said of is no answer.
bool is_rejection(std::string_view word);
// "if", "unless": what is said holds in a case alone.
bool is_condition(std::string_view word);
// "maybe", "suppose", "thought": what is said is only tried, or was believed once.
bool is_doubt(std::string_view word);
// "wait", "oops": another answer may follow.
bool is_withdrawal(std::string_view word);
// What may stand between a withdrawal and the answer that is given instead: "no, sorry, it should be".
bool is_correcting(std::string_view word);

}  // namespace qreason
