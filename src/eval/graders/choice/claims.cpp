#include "eval/graders/choice/claims.h"

#include <algorithm>
#include <array>
#include <string>

#include "eval/graders/choice/chinese.h"
#include "eval/graders/choice/choice_token.h"
#include "eval/graders/taking_back.h"

namespace qreason::choice {
namespace {

constexpr int kMostFillers = 12;     // words between an announcement and its letter
constexpr int kWordsBeforeVerb = 6;  // "the answer to the question is"
constexpr int kWordsLookedBack = 8;  // for what makes a condition or a negation of a claim

using Words = std::vector<std::string_view>;

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

const Words& answer_words() {
  static const Words kWords{"answer",   "réponse", "reponse", "respuesta", "risposta",
                            "resposta", "antwort", "ответ",   "lösung"};
  return kWords;
}
const Words& option_words() {
  static const Words kWords{"option", "choice", "letter", "one", "alternative"};
  return kWords;
}
const Words& verbs() {
  static const Words kWords{"is", "are", "be", "est", "es", "ist", "lautet", "è", "é", "remains"};
  return kWords;
}
// "would be", "must be": what may stand in front of "be".
const Words& auxiliaries() {
  static const Words kWords{"would", "should", "must", "will", "has", "to", "have"};
  return kWords;
}
const Words& fillers() {
  static const Words kWords{"the",     "option",    "choice",   "letter",    "answer", "is",    "definitely",
                            "clearly", "certainly", "surely",   "therefore", "thus",   "hence", "most",
                            "likely",  "correct",   "right",    "best",      "for",    "sure",  "would",
                            "be",      "must",      "should",   "indeed",    "simply", "just",  "final",
                            "it",      "it's",      "that's",   "i",         "think",  "so",    "then",
                            "la",      "le",        "die",      "der",       "das",    "la",    "opción",
                            "opzione", "obviously", "probably", "believe",   "again",  "going", "with"};
  return kWords;
}
// In front of an announcement: "if the answer is", "the wrong answer is".
bool casts_doubt(std::string_view word) {
  static const Words kOthers{"why", "than", "wrong", "incorrect", "unlikely", "might", "could", "may"};
  return is_negation(word) || is_condition(word) || is_doubt(word) || has(kOthers, word);
}
const Words& praise() {
  static const Words kWords{"correct", "right", "valid", "true", "best", "answer"};
  return kWords;
}
const Words& before_praise() {
  static const Words kWords{"the",  "definitely", "clearly", "certainly", "indeed", "therefore",
                            "thus", "only",       "most",    "likely",    "our",    "my"};
  return kWords;
}
const Words& before_letter() {
  static const Words kWords{"option",    "choice", "answer", "letter", "because", "so",
                            "therefore", "thus",   "hence",  "that",   "only",    "since"};
  return kWords;
}
const Words& choosing() {
  static const Words kWords{"choose",  "select", "pick",   "choosing", "selecting",
                            "picking", "chose",  "picked", "selected"};
  return kWords;
}

bool denies(std::string_view word) {
  return is_negation(word) || is_rejection(word);
}
// What may stand between a letter and its denial.
const Words& before_denial() {
  static const Words kWords{"is",   "are", "was",     "be",        "would",  "must",       "seems",  "looks",
                            "also", "so",  "clearly", "obviously", "simply", "definitely", "really", "the"};
  return kWords;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Behind bold marks, quotes and closing brackets, and then white space.
std::size_t skip_marks(std::string_view text, std::size_t at) {
  while (at < text.size() &&
         (is_space(text[at]) || std::string_view("*_`\"'})]").find(text[at]) != std::string_view::npos))
    ++at;
  return at;
}

// The word in front of `end` within the same clause; empty where the clause begins.
std::string word_before(std::string_view text, std::size_t& end) {
  std::size_t at = end;
  while (at > 0 &&
         (is_space(text[at - 1]) || std::string_view("*_`\"'([{$").find(text[at - 1]) != std::string_view::npos)) {
    if (text[at - 1] == '\n') return "";
    --at;
  }
  std::size_t begin = at;
  while (begin > 0 && !is_space(text[begin - 1]) &&
         std::string_view(".,;:!?*_`\"([{$)]}").find(text[begin - 1]) == std::string_view::npos)
    --begin;
  end = begin;
  return lower_word(text.substr(begin, at - begin));
}

bool is_doubted(std::string_view text, std::size_t begin) {
  static const Words kConclusions{"so", "therefore", "thus", "hence", "but", "and", "making", "leaving"};
  static const Words kWorst{"least", "worst"};
  std::size_t front = begin;
  for (int i = 0; i < 2; ++i)
    if (has(kWorst, word_before(text, front)) && word_before(text, front) != "at") return true;
  for (int i = 0; i < kWordsLookedBack; ++i) {
    const std::string word = word_before(text, begin);
    if (word.empty() || has(kConclusions, word)) return false;
    if (casts_doubt(word)) return true;
  }
  return false;
}

bool is_asked(std::string_view text, std::size_t end) {
  const std::size_t at = skip_marks(text, end);
  return at < text.size() && text[at] == '?';
}

// Behind what closes around a letter and spaces, in the same line.
std::size_t skip_in_line(std::string_view text, std::size_t at) {
  while (at < text.size() && std::string_view(" \t*_`\"'})]$").find(text[at]) != std::string_view::npos) ++at;
  return at;
}

// Whether the words right behind a letter take it back: "is wrong", "(wrong)", "if x > 0", "\neq A".
bool is_taken_back(std::string_view text, std::size_t end) {
  std::size_t at = skip_in_line(text, end);
  if (is_denied_in_chinese(text.substr(at))) return true;
  if (at < text.size() && text[at] == '(') {
    const std::string word = lower_word(word_at(text, at + 1));
    return word != "not" && denies(word);
  }
  for (const std::string_view sign : {"\\ne", "\\not", "!=", "\xE2\x89\xA0"})
    if (text.substr(at).starts_with(sign)) return true;
  for (int i = 0; i < kWordsBeforeVerb; ++i) {
    const std::string word = lower_word(word_at(text, at));
    if (i == 0 && is_condition(word)) return true;
    if (i > 0 && denies(word)) return true;
    if (i == 0 && is_negation(word) && (word.ends_with("n't") || word == "cannot")) return true;
    if (word.empty() || !has(before_denial(), word)) return false;
    at = skip_in_line(text, at + word.size());
  }
  return false;
}

// "C, no, D", "C... actually D", "C. Correction: D": whether another letter is put in the place of one.
bool is_corrected(std::string_view text, const Token& token) {
  const auto skip = [&](std::size_t at) {
    while (at < text.size() && std::string_view(" \t\r\n.,;:!-*_`\"'$)]}").find(text[at]) != std::string_view::npos)
      ++at;
    for (const std::string_view sign : {"\u2014", "\u2013", "\u2026"})
      if (text.substr(at).starts_with(sign)) return skip_spaces(text, at + sign.size());
    return at;
  };
  std::size_t at = skip(token.end);
  if (!is_withdrawal(lower_word(word_at(text, at)))) return false;
  for (int i = 0; i < kMostFillers; ++i) {
    const std::string_view word = word_at(text, at);
    if (word.empty() || !is_correcting(lower_word(word))) break;
    at = skip(at + word.size());
  }
  if (text.substr(at).starts_with("\\boxed")) return false;  // a claim of its own
  const auto other = read_choice(text, at);
  return other && other->letter != token.letter && !is_taken_back(text, other->end);
}

// Whether the line that `text` begins lists choices: "A) x B) y C) z".
bool lists_choices(std::string_view text) {
  constexpr char kListed = 'C';
  char next = 'A';
  const std::string_view line = text.substr(0, text.find('\n'));
  for (std::size_t at = 0; at + 1 < line.size() && next <= kListed; ++at) {
    const bool begins = at == 0 || is_space(line[at - 1]) || line[at - 1] == '(' || line[at - 1] == '*';
    if (begins && line[at] == next && std::string_view(").:").find(line[at + 1]) != std::string_view::npos) ++next;
  }
  return next > kListed;
}

class ClaimFinder {
 public:
  explicit ClaimFinder(std::string_view text) : text_(text) {}

  std::vector<Claim> find() {
    for (std::size_t at = 0; at < text_.size();) {
      if (text_.substr(at).starts_with("\\boxed") || text_.substr(at).starts_with("\\fbox")) box(at);
      if (static_cast<unsigned char>(text_[at]) >= 0xE3) chinese(at);
      const std::string_view word = word_at(text_, at);
      if (!word.empty()) look_at(lower_word(word), at, at + word.size(), word);
      at += std::max<std::size_t>(1, word.size());
    }
    return std::move(claims_);
  }

 private:
  void look_at(const std::string& word, std::size_t begin, std::size_t end, std::string_view spelled) {
    const bool answer = has(answer_words(), word);
    if (answer && (answer_line(begin, end) || tag(begin, end))) return;
    if (answer || has(option_words(), word)) statement(begin, end);
    if (word == "it's" || has(choosing(), word)) announced(ClaimKind::kRemark, begin, end);
    if (word == "it" || word == "go" || word == "going" || word == "went") phrase(word, begin, end);
    if (spelled.size() == 1 && spelled[0] >= 'A' && spelled[0] <= 'Z') praised(begin);
  }

  // "Answer:", "**Answer**:", "Answer choice:"; false when no colon follows.
  bool answer_line(std::size_t begin, std::size_t end) {
    std::size_t at = skip_marks(text_, end);
    const std::string_view next = word_at(text_, at);
    if (has(option_words(), lower_word(next))) at = skip_marks(text_, at + next.size());
    if (at >= text_.size() || text_[at] != ':') return false;
    const std::size_t behind = skip_marks(text_, at + 1);
    // The form itself, repeated from the prompt.
    const std::string_view rest = text_.substr(behind);
    if (rest.starts_with("$LETTER") || rest.starts_with("[LETTER") || rest.starts_with("<LETTER") ||
        rest.starts_with("LETTER"))
      return true;
    const auto token = read(at + 1);
    const bool open = token && (is_asked(text_, token->end) || is_doubted(text_, begin) || lists_choices(rest));
    claim(ClaimKind::kAnswerLine, begin, token, open ? Taken::kNo : Taken::kYes);
    return true;
  }

  void statement(std::size_t begin, std::size_t end) {
    std::size_t at = skip_marks(text_, end);
    for (const std::string_view sign : {":", "=", "- ", "\xE2\x80\x93 ", "\xE2\x86\x92", "->"})
      if (text_.substr(at).starts_with(sign)) return announced(ClaimKind::kStatement, begin, at + sign.size());
    for (int i = 0; i <= kWordsBeforeVerb; ++i) {
      at = skip_marks(text_, at);
      const std::string_view word = word_at(text_, at);
      const std::string lower = lower_word(word);
      if (word.empty() || casts_doubt(lower) || (word.size() == 1 && word != lower)) return;
      at += word.size();
      if (has(auxiliaries(), lower) || !has(verbs(), lower)) continue;
      at = skip_marks(text_, at);
      if (at < text_.size() && text_[at] == ':') ++at;
      return announced(ClaimKind::kStatement, begin, at);
    }
  }

  void chinese(std::size_t begin) {
    const auto found = chinese_announcement(text_, begin);
    if (!found) return;
    if (found->form == ChineseForm::kAnswerColon) return claim(ClaimKind::kAnswerLine, begin, read(found->end));
    const bool statement = found->form == ChineseForm::kStatement;
    announced(statement ? ClaimKind::kStatement : ClaimKind::kRemark, begin, found->end);
  }

  // "<answer>C</answer>"
  bool tag(std::size_t begin, std::size_t end) {
    const bool opens = begin > 0 && text_[begin - 1] == '<' && text_.substr(end).starts_with(">");
    if (opens) announced(ClaimKind::kStatement, begin, end + 1);
    return opens;
  }

  // "it is", "it must be", "go with".
  void phrase(const std::string& word, std::size_t begin, std::size_t end) {
    std::size_t at = end;
    for (int i = 0; i < 3; ++i) {
      at = skip_spaces(text_, at);
      const std::string next = lower_word(word_at(text_, at));
      at += next.size();
      const bool done = word == "it" ? next == "is" || next == "be" : next == "with";
      if (done) return announced(ClaimKind::kRemark, begin, at);
      if (word != "it" || !has(auxiliaries(), next)) return;
    }
  }

  // "B is the correct answer", at a place where a letter is no part of a name.
  void praised(std::size_t begin) {
    std::size_t front = begin;
    const std::string before = word_before(text_, front);
    if (!before.empty() && !has(before_letter(), before)) return;
    const auto token = read_choice(text_, begin);
    if (!token) return;
    std::size_t at = skip_spaces(text_, token->end);
    if (word_at(text_, at) != "is") return;
    at += 2;
    for (int i = 0; i < 5; ++i) {
      at = skip_marks(text_, at);
      const std::string word = lower_word(word_at(text_, at));
      at += word.size();
      if (has(praise(), word)) {
        if (!is_asked(text_, at) && !is_doubted(text_, begin)) claim(ClaimKind::kRemark, begin, token);
        return;
      }
      if (!has(before_praise(), word)) return;
    }
  }

  void box(std::size_t begin) {
    const auto token = read(begin);
    if (token) claim(ClaimKind::kBox, begin, token, follows_another_box(begin) ? Taken::kNo : Taken::kYes);
  }

  // "\boxed{A}, \boxed{B}": the first is found to name another.
  bool follows_another_box(std::size_t begin) const {
    constexpr std::size_t kLongestJoin = 8;
    return !claims_.empty() && claims_.back().kind == ClaimKind::kBox && claims_.back().letter == 0 &&
           begin >= claims_.back().letter_at && begin - claims_.back().letter_at <= kLongestJoin;
  }

  void announced(ClaimKind kind, std::size_t begin, std::size_t at) {
    const auto token = read(at);
    if (token && !is_asked(text_, token->end) && !is_doubted(text_, begin)) claim(kind, begin, token);
  }

  // The choice behind words that say nothing.
  std::optional<Token> read(std::size_t at) const {
    for (int i = 0; i < kMostFillers; ++i) {
      if (const auto token = read_choice(text_, at)) return token;
      at = skip_marks(text_, at);
      const std::string_view word = word_at(text_, at);
      if (!has(fillers(), lower_word(word))) return std::nullopt;
      at += word.size();
      if (at < text_.size() && (text_[at] == ':' || text_[at] == ',')) ++at;
    }
    return std::nullopt;
  }

  enum class Taken { kYes, kNo };
  void claim(ClaimKind kind, std::size_t begin, const std::optional<Token>& token, Taken taken = Taken::kYes) {
    const bool one = token && taken == Taken::kYes && !names_another(text_, *token) &&
                     !is_taken_back(text_, token->end) && !is_corrected(text_, *token);
    claims_.push_back(
        {.kind = kind, .letter = one ? token->letter : '\0', .begin = begin, .letter_at = token ? token->end : 0});
  }

  std::string_view text_;
  std::vector<Claim> claims_;
};

// The choice that a line begins with: alone, or before a dot, bracket, colon, comma or a script without letters of
// ours.
std::optional<char> label_of(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && (is_space(line[at]) || std::string_view("#>-+").find(line[at]) != std::string_view::npos))
    ++at;
  const auto token = read_choice(line, at);
  if (!token || names_another(line, *token) || is_taken_back(line, token->end) || is_corrected(line, *token) ||
      lists_choices(line.substr(skip_spaces(line, 0))))
    return std::nullopt;
  if (token->end >= line.size()) return token->letter;
  const char next = line[token->end];
  const bool closed = std::string_view(")]}*\"'`").find(line[token->end - 1]) != std::string_view::npos;
  const bool ends =
      std::string_view(".:,\n\r").find(next) != std::string_view::npos || static_cast<unsigned char>(next) >= 0xE3;
  return closed || ends || skip_spaces(line, token->end) == line.size() ? std::optional(token->letter) : std::nullopt;
}

}  // namespace

std::vector<Claim> find_claims(std::string_view text) {
  return ClaimFinder(text).find();
}

std::optional<char> labelled_line(std::string_view text) {
  std::optional<char> found, first, last;
  bool begun = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    if (skip_spaces(line, 0) == line.size()) continue;
    last = label_of(line);
    if (!begun) first = last;
    begun = true;
    if (!last) continue;
    if (found && *found != *last) return std::nullopt;
    found = last;
  }
  return last ? last : first;
}

}  // namespace qreason::choice
