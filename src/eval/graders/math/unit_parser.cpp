#include "eval/graders/math/unit_parser.h"

#include <algorithm>

#include "eval/graders/math/other_scripts.h"

namespace qreason::math {
namespace {

class UnitParser {
 public:
  UnitParser(const std::vector<Token>& tokens, std::size_t at) : tokens_(tokens), at_(at) {}

  std::optional<UnitPhrase> run() {
    std::int64_t sign = 1;
    while (at_ < tokens_.size()) {
      const Token& token = tokens_[at_];
      if (token.kind == TokenKind::kText) {
        if (!word(token.text, sign)) return std::nullopt;
      } else if (known_ && (symbol("/") || command("cdot") || symbol("*")) && at_ + 1 < tokens_.size() &&
                 tokens_[at_ + 1].kind == TokenKind::kText && unit_of_word(tokens_[at_ + 1].text)) {
        sign = symbol("/") ? -1 : 1;
        ++at_;
      } else {
        break;
      }
    }
    if (!known_) return std::nullopt;
    return so_far();
  }

 private:
  bool symbol(std::string_view text) const {
    return tokens_[at_].kind == TokenKind::kSymbol && tokens_[at_].text == text;
  }
  bool command(std::string_view text) const {
    return tokens_[at_].kind == TokenKind::kCommand && tokens_[at_].text == text;
  }

  // False: a word that is not dropped. Ends the phrase by itself at "and" and "or".
  bool word(const std::string& text, std::int64_t& sign) {
    if (text == "and" || text == "or") {
      ended_ = true;
      return false;
    }
    const std::string lower = lower_case(text), before = at_ > 0 ? lower_case(tokens_[at_ - 1].text) : "";
    ++at_;
    named_ = named_ || (lower == "of" && !noun_.empty());
    if (lower == "per" || ((lower == "an" || text == "a") && before != "of")) {  // "2 dollars a day", "3/4 of a cup"
      sign = -1;
      return known_ || lower != "per";
    }
    if (lower == "square" || lower == "sq" || lower == "cubic" || lower == "cu") {
      raise_ = lower[0] == 's' ? 2 : 3;
      return true;
    }
    if (lower == "squared" || lower == "cubed") {
      if (!last_ && (before == "unit" || before == "units")) {  // "42 units squared"
        unit_ = times(unit_, Unit{std::string(kAnyUnit) + "1"}, lower[0] == 's' ? 2 : 3);
        return true;
      }
      if (!last_) return false;
      unit_ = times(unit_, *last_, (lower[0] == 's' ? 1 : 2) * last_sign_);
      return true;
    }
    if (const auto unit = unit_of_word(text); unit && !(known_ && text == "in")) {
      std::int64_t power = raise_ * sign;
      if (const std::int64_t written = exponent(); written != 0) power *= written;
      unit_ = times(unit_, *unit, power);
      last_ = unit;
      last_sign_ = sign;
      raise_ = 1;
      sign = 1;
      known_ = true;
      return true;
    }
    if (counted_ && other_script_length(text) == text.size()) {  // "个苹果": what is counted
      noun_ = text;
      counted_ = false;
      return true;
    }
    if (is_noun(text)) {
      counted_ = other_script_length(text) == text.size();
      known_ = true;
      // "apple pies" are pies, "slices of pizza" slices.
      if (const std::string stem = noun_stem(text); !stem.empty() && !named_) noun_ = stem;
      const std::int64_t written = exponent(), power = raise_ * (written == 0 ? 1 : written);
      if (power != 1 && lower.starts_with("unit"))
        unit_ = times(unit_, Unit{std::string(kAnyUnit) + "1"}, power * sign);
      raise_ = 1;
      return true;
    }
    return is_filler(text) || text == "US";  // "US dollars"
  }

  // "^2", "^{2}", "^{-1}"; 0 where there is none.
  std::int64_t exponent() {
    if (at_ >= tokens_.size() || !symbol("^")) return 0;
    std::size_t at = at_ + 1;
    const auto is = [&](std::string_view text) {
      return at < tokens_.size() && tokens_[at].kind == TokenKind::kSymbol && tokens_[at].text == text;
    };
    const bool group = is("{");
    if (group) ++at;
    const bool minus = is("-");
    if (minus) ++at;
    if (at >= tokens_.size() || tokens_[at].kind != TokenKind::kNumber || tokens_[at].text.size() != 1) return 0;
    const std::int64_t value = tokens_[at].text[0] - '0';
    ++at;
    if (group && !is("}")) return 0;
    at_ = at + (group ? 1 : 0);
    return minus ? -value : value;
  }

  const std::vector<Token>& tokens_;
  std::size_t at_;
  Unit unit_;
  std::optional<Unit> last_;
  std::int64_t last_sign_ = 1;
  std::int64_t raise_ = 1;
  std::string noun_;
  bool named_ = false;  // the noun is known, what follows only says more about it
  bool known_ = false;
  bool counted_ = false;  // behind a word that counts in another script
  bool ended_ = false;

 public:
  bool ended_by_connective() const { return ended_ && known_; }
  UnitPhrase so_far() const {
    UnitPhrase phrase{unit_, at_};
    if (unit_.dimensions == "celsius^1 degree^1") phrase.unit.dimensions = "celsius^1";  // "degrees Celsius"
    if (unit_.dimensions == "degree^1 fahrenheit^1") phrase.unit.dimensions = "fahrenheit^1";
    if (unit_.dimensions.empty() && !noun_.empty()) phrase.unit.dimensions = "#" + noun_;
    return phrase;
  }
};

}  // namespace

std::optional<UnitPhrase> unit_phrase(const std::vector<Token>& tokens, std::size_t at) {
  UnitParser parser(tokens, at);
  if (auto phrase = parser.run()) return phrase;
  if (parser.ended_by_connective()) return parser.so_far();
  return std::nullopt;
}

}  // namespace qreason::math
