// Phrases that announce an answer.
#pragma once

#include <array>
#include <string_view>

namespace qreason::math {

// In small letters, stronger ones first.
inline constexpr std::array<std::string_view, 13> kAnchors = {
    "final answer is", "final answer:", "####",     "answer is:", "answer is", "answer:", "答案",
    "réponse:",        "respuesta:",    "antwort:", "risposta:",  "resposta:", "ответ:"};

// Where each stands last in the text, in capital or small letters; npos where it does not. One pass for all that share
// a rare letter: most of a long text is searched at the speed of memory.
std::array<std::size_t, kAnchors.size()> last_anchors(std::string_view text);

}  // namespace qreason::math
