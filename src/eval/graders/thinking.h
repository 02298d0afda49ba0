// Where the thought of a reasoning model ends and its answer begins: all graders look at the answer.
#pragma once

#include <string_view>

namespace qreason {

// What follows the last </think>, or all of it when there is none (as in the study).
std::string_view after_thinking(std::string_view text);

// What an answer counts whose thought does not come to an end: what is found in it, as in the study, or nothing.
enum class UnfinishedThoughts { kAsTheyStand, kWrong };

// Whether the text begins to think and does not come to an end of it.
bool thought_is_unfinished(std::string_view prompt, std::string_view text);

}  // namespace qreason
