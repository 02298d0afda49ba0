// Split stages with patterns that no scanner knows, through PCRE2. Patterns are written for Oniguruma (Ruby syntax);
// what means the same in both is passed on, what differs is rewritten, and the rest is refused by name.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "tokenizer/splitter.h"
#include "tokenizer/unicode.h"

namespace qreason {
namespace {

constexpr std::size_t kLongestPattern = 16384;
// PCRE2's own \s also holds U+180E, which Unicode no longer counts as white space.
constexpr std::string_view kSpaceClass =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::array<std::string_view, 12> kScripts = {"Han",    "Hiragana", "Katakana",   "Hangul",
                                                       "Latin",  "Greek",    "Cyrillic",   "Arabic",
                                                       "Hebrew", "Thai",     "Devanagari", "Armenian"};
constexpr std::string_view kCategories =
    "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn";

class PatternTranslator {
 public:
  PatternTranslator(std::string_view source, const std::string& where) : source_(source), where_(where) {}

  std::string translate() {
    while (position_ < source_.size()) {
      const char c = source_[position_];
      if (c == '\\') {
        escape(Place::kOutside);
      } else if (c == '[') {
        character_class();
      } else if (c == '(') {
        group();
      } else if (c == '^' || c == '$') {
        refuse(std::string(1, c));
      } else if (c == '{') {
        counted();
      } else {
        take();
      }
    }
    return std::move(out_);
  }

 private:
  enum class Place { kOutside, kClass };

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(where_, fmt::format("the pattern uses {}", what), "a pattern of the kind byte-level tokenizers use");
  }

  void take() { out_ += source_[position_++]; }
  char peek(std::size_t ahead) const { return position_ + ahead < source_.size() ? source_[position_ + ahead] : '\0'; }

  void escape(Place place) {
    const char c = peek(1);
    if (c == 's') {
      out_ += place == Place::kClass ? std::string(kSpaceClass) : fmt::format("[{}]", kSpaceClass);
      position_ += 2;
    } else if (c == 'S' && place == Place::kOutside) {
      out_ += fmt::format("[^{}]", kSpaceClass);
      position_ += 2;
    } else if (c == 'p' || c == 'P') {
      property();
    } else if (c == 'u') {
      const std::string_view digits = source_.substr(position_ + 2).substr(0, 4);
      if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) refuse("\\u");
      out_ += fmt::format("\\x{{{}}}", digits);
      position_ += 6;
    } else if (c == 'r' || c == 'n' || c == 't' || c == 'f' || c == 'd' || c == 'D' ||
               (std::ispunct(static_cast<unsigned char>(c)) != 0)) {
      take();
      take();
    } else {
      refuse(fmt::format("\\{}", c == '\0' ? std::string() : std::string(1, c)));
    }
  }

  void property() {
    const std::size_t close = source_.find('}', position_);
    if (peek(2) != '{' || close == source_.npos) refuse("\\p without a name in braces");
    std::string name(source_.substr(position_ + 3, close - position_ - 3));
    bool negated = source_[position_ + 1] == 'P';
    if (!name.empty() && name[0] == '^') {
      negated = !negated;
      name.erase(0, 1);
    }
    const bool category =
        !name.empty() && fmt::format(" {} ", kCategories).find(fmt::format(" {} ", name)) != std::string::npos;
    const bool script = std::find(kScripts.begin(), kScripts.end(), name) != kScripts.end();
    if (!category && !script) refuse(fmt::format("the property \\p{{{}}}", shown(name)));
    out_ += fmt::format("\\{}{{{}{}}}", negated ? 'P' : 'p', script ? "sc:" : "", name);
    position_ = close + 1;
  }

  void character_class() {
    take();
    if (peek(0) == '^') take();
    if (peek(0) == ']') refuse("an empty character class");
    while (peek(0) != ']') {
      if (position_ >= source_.size()) refuse("a character class that does not end");
      if (peek(0) == '\\') {
        escape(Place::kClass);
      } else if (peek(0) == '[' || (peek(0) == '&' && peek(1) == '&')) {
        refuse("a character class inside a character class");
      } else {
        take();
      }
    }
    take();
  }

  void group() {
    take();
    if (peek(0) != '?') return;
    for (const std::string_view known : {"?:", "?i:", "?=", "?!", "?<=", "?<!", "?>"}) {
      if (source_.substr(position_).starts_with(known)) {
        out_ += known;
        position_ += known.size();
        return;
      }
    }
    refuse(fmt::format("the group ({}", source_.substr(position_, 3)));
  }

  // {n}, {n,}, {,m}, {n,m}; what follows must be no further quantifier, for there the dialects part.
  void counted() {
    const std::size_t close = source_.find('}', position_);
    const std::string_view body =
        close == source_.npos ? std::string_view() : source_.substr(position_ + 1, close - position_ - 1);
    if (body.empty() || body == "," || body.find_first_not_of("0123456789,") != body.npos) refuse("{ as a character");
    out_ += fmt::format("{{{}{}}}", body[0] == ',' ? "0" : "", body);
    position_ = close + 1;
    if (peek(0) == '+' || peek(0) == '?' || peek(0) == '*') refuse("a quantifier behind {}");
  }

  std::string_view source_;
  const std::string& where_;
  std::string out_;
  std::size_t position_ = 0;
};

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

struct Match {
  std::size_t begin, end;
  bool matched;  // false: the text between two matches
};

class RegexSplitter : public Splitter {
 public:
  RegexSplitter(const SplitRule& rule, const std::string& where)
      : where_(where), behavior_(rule.behavior), invert_(rule.invert) {
    if (rule.pattern.empty() || rule.pattern.size() > kLongestPattern) {
      throw Error(where, fmt::format("a split pattern of {} bytes", rule.pattern.size()),
                  fmt::format("1 to {}", kLongestPattern));
    }
    const std::string pattern = PatternTranslator(rule.pattern, where).translate();
    int failure = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF | PCRE2_UCP,
                              &failure, &offset, nullptr));
    if (!code_) throw Error(where, fmt::format("the split pattern is invalid ({})", pcre2_message(failure)));
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
    context_.reset(pcre2_match_context_create(nullptr));
    pcre2_set_match_limit(context_.get(), 10'000'000);
    pcre2_set_heap_limit(context_.get(), 64 * 1024);  // in KiB
  }

  void split(std::string_view text, std::vector<std::string_view>& pieces) const override {
    const auto keep = [&](std::size_t begin, std::size_t end) {
      if (end > begin) pieces.push_back(text.substr(begin, end - begin));
    };
    switch (behavior_) {
      case SplitBehavior::kIsolated:
        for (const Match& part : parts(text)) keep(part.begin, part.end);
        break;
      case SplitBehavior::kRemoved:
        for (const Match& part : parts(text)) {
          if (!part.matched) keep(part.begin, part.end);
        }
        break;
      default:
        for (const Match& group : grouped(parts(text))) keep(group.begin, group.end);
    }
  }

 private:
  // The text as matches and what lies between them; `matched` inverted where the rule asks for it.
  std::vector<Match> parts(std::string_view text) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    std::vector<Match> found;
    std::size_t done = 0, start = 0;
    while (start <= text.size()) {
      const int result = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), start,
                                     PCRE2_NO_UTF_CHECK, data.get(), context_.get());
      if (result == PCRE2_ERROR_NOMATCH) break;
      if (result < 0) throw Error(where_, fmt::format("matching a split pattern failed ({})", pcre2_message(result)));
      const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data.get());
      const std::size_t begin = bounds[0], end = bounds[1];
      if (end > begin) {
        if (begin > done) found.push_back({done, begin, invert_});
        found.push_back({begin, end, !invert_});
        done = start = end;
      } else {
        if (begin > done) found.push_back({done, begin, invert_});
        if (begin > done || found.empty()) found.push_back({begin, begin, !invert_});
        done = begin;
        start = begin == text.size() ? begin + 1 : begin + decode_valid(text.data() + begin).length;
      }
    }
    if (done < text.size()) found.push_back({done, text.size(), invert_});
    return found;
  }

  // Runs of parts that one piece is made of.
  std::vector<Match> grouped(const std::vector<Match>& parts) const {
    std::vector<Match> groups;
    bool before = false;
    const auto add = [&](const Match& part, bool joins) {
      if (joins && !groups.empty()) {
        groups.back().begin = std::min(groups.back().begin, part.begin);
        groups.back().end = std::max(groups.back().end, part.end);
      } else {
        groups.push_back(part);
      }
      before = part.matched;
    };
    if (behavior_ == SplitBehavior::kMergedWithNext) {
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) add(*part, part->matched && !before);
      return {groups.rbegin(), groups.rend()};
    }
    for (const Match& part : parts) {
      const bool contiguous = behavior_ == SplitBehavior::kContiguous;
      add(part, contiguous ? part.matched == before : part.matched && !before);
    }
    return groups;
  }

  std::string where_;
  SplitBehavior behavior_;
  bool invert_;
  std::unique_ptr<pcre2_code, FreeCode> code_;
  std::unique_ptr<pcre2_match_context, FreeContext> context_;
};

}  // namespace

std::unique_ptr<Splitter> make_regex_splitter(const SplitRule& rule, const std::string& where) {
  return std::make_unique<RegexSplitter>(rule, where);
}

}  // namespace qreason
