#include "eval/graders/math/corrections.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "eval/graders/math/latex_tokens.h"
#include "eval/graders/math/phrases.h"
#include "eval/graders/taking_back.h"

namespace qreason::math {
namespace {

constexpr std::size_t kReach = 90;  // bytes behind a value

// Beside the words of is_withdrawal.
constexpr std::array<std::string_view, 7> kWithdrawals = {"scratch that", "rather",        "or rather",      "i mean",
                                                          "but it is",    "but it should", "but the correct"};

bool withdraws(std::string_view lower) {
  return is_withdrawal(first_word(lower)) || begins_with_any_of(lower, kWithdrawals);
}

std::string_view without_punctuation(std::string_view text) {
  while (!text.empty()) {
    if (is_blank(text[0]) || std::string_view(".,;:!?-()*_$\"'=").find(text[0]) != std::string_view::npos)
      text.remove_prefix(1);
    else if (text.starts_with("\u2014") || text.starts_with("\u2013") || text.starts_with("\u2026"))
      text.remove_prefix(3);
    else
      break;
  }
  return text;
}

}  // namespace

std::optional<std::string_view> correction(std::string_view behind) {
  std::string_view rest = without_punctuation(behind);
  if (!withdraws(in_plain_letters(rest.substr(0, std::min(rest.size(), kReach))))) return std::nullopt;
  while (true) {
    const std::string_view word = first_word(rest);
    if (word.empty()) return begins_digit(rest) ? std::optional(rest) : std::nullopt;
    if (word != "but" && !is_correcting(in_plain_letters(word))) return std::nullopt;
    rest = without_punctuation(rest.substr(word.size()));
  }
}

namespace {

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool is_taken_back(std::string_view behind) {
  static constexpr std::array<std::string_view, 6> kJoints = {"but", "however", "yet", "although", "though", "and"};
  static constexpr std::array<std::string_view, 5> kSubjects = {"this", "that", "it", "which", "they"};
  static constexpr std::array<std::string_view, 14> kVerbs = {"is",   "was",   "are",    "be",      "must",
                                                              "can",  "seems", "also",   "clearly", "obviously",
                                                              "just", "plain", "simply", "too"};
  static constexpr std::array<std::string_view, 5> kPraise = {"right", "correct", "true", "possible", "valid"};
  constexpr int kMostWords = 8;
  const std::string lower = in_plain_letters(behind.substr(0, std::min(behind.size(), kReach)));
  std::string_view rest = without_punctuation(lower);
  bool verb = false, denied = false;
  for (int i = 0; i < kMostWords; ++i) {
    const std::string_view word = first_word(rest);
    if (word.empty()) return false;
    rest = without_punctuation(rest.substr(word.size()));
    if (verb && is_rejection(word)) return !denied;
    if (verb && is_one_of(word, kPraise)) return denied;
    if (is_one_of(word, kVerbs) || is_negation(word)) {
      verb = true;
      denied = denied || is_negation(word);
    } else if (verb || !(is_one_of(word, kSubjects) || (i == 0 && is_one_of(word, kJoints)))) {
      return false;
    }
  }
  return false;
}

namespace {

// The words of the clause that a text ends with, behind "so" and its like.
std::vector<std::string> last_clause(std::string_view text) {
  constexpr std::size_t kLongestClause = 80;
  static constexpr std::array<std::string_view, 8> kConclusions = {"so",   "thus", "hence", "therefore",
                                                                   "then", "and",  "means", "implies"};
  std::string clause = in_plain_letters(text.substr(text.size() - std::min(text.size(), kLongestClause)));
  if (const std::size_t end = clause.find_last_of(".!?;:,\n"); end != std::string::npos) clause.erase(0, end + 1);
  std::vector<std::string> words;
  any_word(clause, [&](std::string_view word) {
    words.emplace_back(word);
    if (is_one_of(word, kConclusions)) words.clear();
    return false;
  });
  return words;
}

// "the final", "our correct": what may stand between the words that tell of what and "answer".
bool qualifies(std::string_view word) {
  static constexpr std::array<std::string_view, 18> kQualities = {
      "the",     "a",      "our",       "my",    "this",       "final", "correct", "right",  "required",
      "desired", "needed", "numerical", "exact", "simplified", "only",  "unique",  "actual", "true"};
  return is_one_of(word, kQualities);
}

}  // namespace

bool speaks_of_another(std::string_view before) {
  static constexpr std::array<std::string_view, 26> kOthers = {
      "of",    "for",      "on",       "in",      "to",     "than",    "from",  "by",      "with",
      "times", "twice",    "double",   "half",    "triple", "whose",   "their", "another", "other",
      "naive", "previous", "original", "earlier", "former", "typical", "least", "opposite"};
  static constexpr std::array<std::string_view, 8> kDenials = {"doubt", "doubts", "pretend", "claims",
                                                               "says",  "wrong",  "mistake", "incorrect"};
  static constexpr std::array<std::string_view, 3> kModals = {"might", "could", "may"};
  static constexpr std::array<std::string_view, 5> kOpinions = {"think", "believe", "guess", "expect", "suspect"};
  std::vector<std::string> words = last_clause(before);
  const auto any = [&](const auto& holds) { return std::any_of(words.begin(), words.end(), holds); };
  // "Since x cannot be negative the answer is": what is denied is the reason.
  const bool reasons = any([](const std::string& word) { return word == "since" || word == "because"; });
  if (any([&](const std::string& word) {
        return (!reasons && is_negation(word)) || is_doubt(word) || is_one_of(word, kDenials);
      }))
    return true;
  if (any([](const std::string& word) { return is_one_of(word, kModals); }) &&
      any([](const std::string& word) { return is_one_of(word, kOpinions); }))
    return true;
  while (!words.empty() && qualifies(words.back())) words.pop_back();
  return !words.empty() && is_one_of(words.back(), kOthers);
}

}  // namespace qreason::math
