#include "eval/graders/choice/choice_token.h"

#include <algorithm>
#include <array>

namespace qreason::choice {
namespace {

constexpr int kMostDecorations = 16;  // around one letter

struct Opening {
  std::string_view text;
  bool marks;  // whether it makes a choice of a lower-case letter
};
// Longer ones before those that they begin with.
constexpr std::array<Opening, 34> kOpenings{{
    {"\\boxed", true}, {"\\fbox", true},    {"\\textbf", true},  {"\\textrm", true}, {"\\textit", true},
    {"\\text", true},  {"\\mathbf", false}, {"\\mathrm", false}, {"\\bf", false},    {"\\rm", false},
    {"\\quad", false}, {"\\left", false},   {"\\(", false},      {"\\[", false},     {"\\,", false},
    {"\\;", false},    {"\\ ", false},      {"\\{", true},       {"<strong>", true}, {"<b>", true},
    {"option", false}, {"choice", false},   {"letter", false},   {"**", true},       {"*", true},
    {"_", true},       {"`", true},         {"\"", true},        {"'", true},        {"(", true},
    {"[", true},       {"{", true},         {"<", true},         {"$", false},
}};
constexpr std::array<std::string_view, 17> kClosings{
    "</strong>", "</b>", "\\)", "\\]", "\\}", "\\right", "**", "*", "_", "`", "\"", "'", ")", "]", "}", "$", ">"};

// Words in small letters that may follow a letter without making the name of a thing with it.
constexpr std::array<std::string_view, 32> kConnectives{
    "and",   "as",  "based",  "because", "but", "by",  "corresponds", "due",   "et",    "for", "from",
    "given", "has", "if",     "in",      "is",  "it",  "matches",     "nicht", "non",   "nor", "not",
    "or",    "pas", "rather", "since",   "so",  "the", "though",      "und",   "which", "with"};
constexpr std::array<std::string_view, 11> kJoining{"and", "or",   "vs", "versus", "et", "ou",
                                                    "und", "oder", "y",  "o",      "e"};
// What makes a symbol of the letter before it.
constexpr std::array<std::string_view, 15> kOperators{
    "=",        "+",       "*",      "^",        "<",     ">",   "~", "->", "\xE2\x86\x92",
    "\\approx", "\\times", "\\cdot", "\\propto", "\\sim", "\\to"};

bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
  return is_small(c) || is_capital(c) || is_digit(c);
}

// Bytes of the letter at `at`: ASCII, Latin letters with accents (U+00C0 to U+024F) and Cyrillic; 0 for none.
std::size_t letter_length(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  const char c = text[at];
  if (is_small(c) || is_capital(c)) return 1;
  const auto lead = static_cast<unsigned char>(c);
  const bool two = (lead >= 0xC3 && lead <= 0xC9) || lead == 0xD0 || lead == 0xD1;
  return two && at + 1 < text.size() ? 2 : 0;
}

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether the letter at `at` could begin `opening` here: words are told whatever their case and end where they end.
bool opens(std::string_view text, std::size_t at, std::string_view opening) {
  const std::string_view here = text.substr(at, opening.size());
  if (is_small(opening.front()) ? lower_word(here) != opening : here != opening) return false;
  return !is_small(opening.back()) || letter_length(text, at + opening.size()) == 0;
}

struct Decorated {
  std::size_t at;
  bool marked = false;
  bool starred = false, underlined = false;
};

Decorated skip_openings(std::string_view text, std::size_t at) {
  Decorated result{skip_spaces(text, at)};
  for (int i = 0; i < kMostDecorations; ++i) {
    const auto opening = std::find_if(kOpenings.begin(), kOpenings.end(),
                                      [&](const Opening& known) { return opens(text, result.at, known.text); });
    if (opening == kOpenings.end()) break;
    result.at += opening->text.size();
    if (result.at < text.size() && text[result.at] == '{' && opening->text.front() == '\\') ++result.at;
    result.at = skip_spaces(text, result.at);
    result.marked = result.marked || opening->marks;
    result.starred = result.starred || opening->text.front() == '*';
    result.underlined = result.underlined || opening->text == "_";
  }
  return result;
}

std::size_t skip_closings(std::string_view text, std::size_t at, const Decorated& opened) {
  for (int i = 0; i < kMostDecorations; ++i) {
    const std::string_view rest = text.substr(at);
    const auto closing = std::find_if(kClosings.begin(), kClosings.end(),
                                      [&](std::string_view known) { return rest.starts_with(known); });
    if (closing == kClosings.end()) break;
    const char c = closing->front();
    const bool more = at + 1 < text.size() && is_alnum(text[at + 1]);
    // "B*C" and "B_1" are formulas, "A's" is a word.
    if (more && ((*closing == "*" && !opened.starred) || (c == '_' && !opened.underlined) || c == '\'')) break;
    at += closing->size();
  }
  return at;
}

// Whether a word or formula goes on at `at`, right behind a letter and what closes around it.
bool goes_on(std::string_view text, std::size_t at) {
  if (at >= text.size()) return false;
  const char c = text[at];
  const char next = at + 1 < text.size() ? text[at + 1] : ' ';
  if (letter_length(text, at) != 0 || is_digit(c)) return true;
  if (std::string_view("_^+=({[*#%@~'").find(c) != std::string_view::npos) return true;
  if (c == '.') return is_alnum(next);
  if (c == '-') return next != ' ' && next != '\n' && next != '-';
  if (c == '\\') return std::string_view("\\ ,;\n)]q").find(next) == std::string_view::npos;
  const std::string_view rest = text.substr(at);
  const auto lead = static_cast<unsigned char>(c);
  if (rest.starts_with("\xE2\x80\x93") || rest.starts_with("\xE2\x80\x94"))  // dashes
    return at + 3 < text.size() && is_alnum(text[at + 3]);
  // Superscripts, subscripts, primes, degrees, combining marks and Greek letters; other scripts begin something new.
  return lead == 0xC2 || lead == 0xCC || lead == 0xCD || lead == 0xCE || lead == 0xCF ||
         rest.starts_with("\xE2\x80\xB2") || rest.starts_with("\xE2\x81") || rest.starts_with("\xE2\x82");
}

// Whether the next word makes a symbol, an article or a part of a name of the bare letter that stands before the space
// at `at`.
bool belongs_to_next(std::string_view text, std::size_t at, char letter, bool bare) {
  if (at >= text.size() || text[at] != ' ') return false;
  const std::size_t next = skip_spaces(text, at);
  if (next >= text.size() || text.substr(at, next - at).find('\n') != std::string_view::npos) return false;
  const std::string_view rest = text.substr(next);
  const bool in_brackets = text[at - 1] == ')' || text[at - 1] == ']';
  const auto begins_rest = [&](std::string_view sign) { return rest.starts_with(sign); };
  if (!in_brackets && std::any_of(kOperators.begin(), kOperators.end(), begins_rest)) return true;
  if (!bare || letter_length(text, next) == 0) return false;
  const std::string_view word = word_at(text, next);
  if (is_small(word.front())) return !contains(kConnectives, word);
  return letter == 'A' && word.size() > 1;
}

}  // namespace

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size() && std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos) ++at;
  return at;
}

std::string_view word_at(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (true) {
    const std::size_t length = letter_length(text, end);
    const bool apostrophe = end > at && end < text.size() && text[end] == '\'' && letter_length(text, end + 1) != 0;
    if (length == 0 && !apostrophe) return text.substr(at, end - at);
    end += apostrophe ? 1 : length;
  }
}

std::string lower_word(std::string_view word) {
  std::string lower(word);
  for (std::size_t i = 0; i < lower.size(); ++i) {
    char& c = lower[i];
    const bool cyrillic = c == '\xD0' && i + 1 < lower.size();
    if (is_capital(c)) {
      c = static_cast<char>(c - 'A' + 'a');
    } else if (cyrillic && lower[i + 1] >= '\x90' && lower[i + 1] <= '\x9F') {
      lower[i + 1] = static_cast<char>(lower[i + 1] + 0x20);
    } else if (cyrillic && lower[i + 1] >= '\xA0' && lower[i + 1] <= '\xAF') {
      c = '\xD1';
      lower[i + 1] = static_cast<char>(lower[i + 1] - 0x20);
    }
  }
  return lower;
}

namespace {

// The letter that a text begins with in one of the mathematical alphabets (U+1D400 to U+1D6A3: bold, italic, script,
// ...), of 26 capital and 26 small letters each; 0 for none.
char mathematical_letter(std::string_view text) {
  constexpr unsigned kFirst = 0x1D400, kEnd = 0x1D6A4, kLetters = 26;
  if (text.size() < 4 || !text.starts_with("\xF0\x9D")) return 0;
  const auto bits = [&](std::size_t i) { return static_cast<unsigned char>(text[i]) & 0x3FU; };
  const unsigned code = 0x1D000U + (bits(2) << 6U) + bits(3);
  if (code < kFirst || code >= kEnd) return 0;
  const unsigned place = (code - kFirst) % (2 * kLetters);
  return static_cast<char>(place < kLetters ? 'A' + place : 'a' + (place - kLetters));
}

}  // namespace

std::string plain_text(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kPlain{{
      {"\xE2\x80\x98", "'"}, {"\xE2\x80\x99", "'"}, {"\xE2\x80\x9C", "\""}, {"\xE2\x80\x9D", "\""},
      {"\xC2\xAB", "\""},    {"\xC2\xBB", "\""},    {"\xC2\xA0", " "},      {"\xE2\x80\xAF", " "},
      {"\xE2\x80\x89", " "}, {"\xE3\x80\x80", " "}, {"\xE3\x80\x82", "."},  {"\xE3\x80\x81", ","},
      {"\xEF\xBC\x8C", ","}, {"\xEF\xBC\x9A", ":"}, {"\xEF\xBC\x88", "("},  {"\xEF\xBC\x89", ")"},
      {"\xE3\x80\x90", "["}, {"\xE3\x80\x91", "]"}, {"\xEF\xBC\x8E", "."},  {"\xE2\x80\x8B", ""},
  }};
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::string_view rest = text.substr(i);
    const auto known = lead < 0x80 ? kPlain.end() : std::find_if(kPlain.begin(), kPlain.end(), [&](const auto& pair) {
      return rest.starts_with(pair.first);
    });
    if (known != kPlain.end()) {
      plain += known->second;
      i += known->first.size();
    } else if (rest.starts_with("\xEF\xBC") && rest.size() >= 3 && rest[2] >= '\xA1' && rest[2] <= '\xBA') {
      plain += static_cast<char>('A' + (rest[2] - '\xA1'));  // full-width capitals
      i += 3;
    } else if (const char letter = mathematical_letter(rest); letter != 0) {
      plain += letter;
      i += 4;
    } else {
      plain += text[i++];
    }
  }
  return plain;
}

std::optional<Token> read_choice(std::string_view text, std::size_t at) {
  const Decorated opened = skip_openings(text, at);
  if (opened.at >= text.size()) return std::nullopt;
  const char c = text[opened.at];
  if (!is_capital(c) && !(is_small(c) && opened.marked)) return std::nullopt;
  const std::size_t behind = opened.at + 1;
  const std::size_t end = skip_closings(text, behind, opened);
  if (goes_on(text, end)) return std::nullopt;
  if (is_small(c) && end == behind) return std::nullopt;  // what opened does not close
  const char letter = is_small(c) ? static_cast<char>(c - 'a' + 'A') : c;
  if (belongs_to_next(text, end, letter, end == behind)) return std::nullopt;
  return Token{.letter = letter, .end = end};
}

namespace {

// Behind spaces, and what sets a word in a formula: "A \text{ or } B". `open`: groups that were opened so.
std::size_t skip_setting(std::string_view text, std::size_t at, int& open) {
  static constexpr std::array<std::string_view, 11> kSettings = {
      "\\text{", "\\textrm{", "\\textbf{", "\\mathrm{", "\\mbox{", "\\quad", "\\ ", "\\,", "\\;", "~", "}"};
  for (bool more = true; more;) {
    more = false;
    at = skip_spaces(text, at);
    for (const std::string_view setting : kSettings) {
      if (!text.substr(at).starts_with(setting)) continue;
      if (setting == "}" && open == 0) continue;
      open += setting == "}" ? -1 : setting.ends_with('{') ? 1 : 0;
      at += setting.size();
      more = true;
      break;
    }
  }
  return at;
}

}  // namespace

bool names_another(std::string_view text, const Token& first) {
  std::size_t at = first.end;
  int open = 0;
  for (int i = 0; i < 4; ++i) {
    const std::size_t before = at;
    at = skip_setting(text, at, open);
    if (i == 0 && text.substr(before, at - before).find('\n') != std::string_view::npos) return false;
    if (const auto other = read_choice(text, at)) return other->letter != first.letter;
    if (at >= text.size()) return false;
    const std::string word = lower_word(word_at(text, at));
    const std::string_view rest = text.substr(at);
    if (contains(kJoining, word))
      at += word.size();
    else if (std::string_view(",/&;|-+").find(text[at]) != std::string_view::npos)
      ++at;
    else if (rest.starts_with("\\&"))
      at += 2;
    else if (rest.starts_with("\xE2\x80\x93") || rest.starts_with("\xE5\x92\x8C") || rest.starts_with("\xE6\x88\x96"))
      at += 3;  // a dash, "and" and "or" in Chinese
    else
      return false;
  }
  return false;
}

}  // namespace qreason::choice
