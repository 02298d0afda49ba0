#include "eval/graders/choice/choice_grader.h"

#include <algorithm>
#include <vector>

#include "eval/graders/choice/choice_token.h"
#include "eval/graders/choice/claims.h"
#include "eval/graders/thinking.h"

namespace qreason {
namespace {

using choice::Claim;
using choice::ClaimKind;

constexpr std::size_t kTail = 200'000;  // bytes at the end of a text in which a choice is looked for

struct Found {
  char letter = 0;  // 0: none
  std::string where;
};

std::string_view place(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kAnswerLine:
      return "behind the last \"Answer:\"";
    case ClaimKind::kBox:
      return "in the last box";
    case ClaimKind::kStatement:
      return "in the last sentence that announces it";
    case ClaimKind::kRemark:
      return "in what is said of the choices";
  }
  return "";
}

// The letter of the last claim of this kind; none where later ones of any kind, or (of remarks) others, say otherwise.
std::optional<Found> decided_by(ClaimKind kind, const std::vector<Claim>& claims) {
  const auto last =
      std::find_if(claims.rbegin(), claims.rend(), [&](const Claim& claim) { return claim.kind == kind; });
  if (last == claims.rend()) return std::nullopt;
  const auto from = kind == ClaimKind::kRemark ? claims.begin() : last.base() - 1;
  const bool agreed = std::all_of(from, claims.end(), [&](const Claim& claim) { return claim.letter == last->letter; });
  if (last->letter == 0) return Found{0, std::string(place(kind)) + ", where not one alone is taken"};
  if (!agreed) return Found{0, std::string(place(kind)) + ", but another is named beside it or later"};
  return Found{last->letter, std::string(place(kind))};
}

Found find_choice(std::string_view text) {
  std::string_view rest = after_thinking(text);
  if (rest.size() > kTail) rest.remove_prefix(rest.size() - kTail);
  const std::string plain = choice::plain_text(rest);
  std::vector<Claim> claims = choice::find_claims(plain);
  // Nothing that stands before the last "Answer:" counts; one that no letter follows leaves it to what is said later.
  const auto line = std::find_if(claims.rbegin(), claims.rend(),
                                 [](const Claim& claim) { return claim.kind == ClaimKind::kAnswerLine; });
  if (line != claims.rend()) {
    const bool unread = line->letter == 0 && line->letter_at == 0;
    claims.erase(claims.begin(), line.base() - (unread ? 0 : 1));
    if (claims.empty()) return {0, "behind the last \"Answer:\", where none is named"};
  }
  for (const ClaimKind kind : {ClaimKind::kAnswerLine, ClaimKind::kBox, ClaimKind::kStatement, ClaimKind::kRemark})
    if (auto found = decided_by(kind, claims)) return *std::move(found);
  if (const auto letter = choice::labelled_line(plain)) return {*letter, "at the beginning of a line"};
  return {0, "nowhere"};
}

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

}  // namespace

std::optional<char> gold_choice(std::string_view gold) {
  const std::string plain = choice::plain_text(gold);
  const std::size_t at = std::min(plain.find_first_not_of(" \t\r\n(["), plain.size());
  if (at < plain.size() && is_letter(plain[at]) && choice::word_at(plain, at).size() == 1)
    return choice::lower_word(plain.substr(at, 1))[0] - 'a' + 'A';
  const Found found = find_choice(plain);
  return found.letter == 0 ? std::nullopt : std::optional(found.letter);
}

Grade grade_choice(std::string_view text, std::string_view gold) {
  const Found found = find_choice(text);
  if (found.letter == 0) return {};
  return {gold_choice(gold) == found.letter, std::string(1, found.letter)};
}

std::string explain_choice(std::string_view text, std::string_view gold) {
  const Found found = find_choice(text);
  const std::optional<char> expected = gold_choice(gold);
  std::string lines;
  if (thought_is_unfinished("", text)) lines += "thought: not finished; the whole text is searched\n";
  lines += "found: " + found.where + "\n";
  lines += "answer: " + (found.letter == 0 ? "none" : std::string(1, found.letter)) + "\n";
  lines += "gold: " + (expected ? std::string(1, *expected) : "no letter") + "\n";
  if (found.letter == 0) return lines + "verdict: wrong: no choice is made\n";
  return lines + (expected == found.letter ? "verdict: right: the same letter\n" : "verdict: wrong: another letter\n");
}

}  // namespace qreason
