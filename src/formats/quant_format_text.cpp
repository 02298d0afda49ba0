// The text form of number formats.
#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/error.h"
#include "formats/format_names.h"
#include "formats/quant_format.h"

namespace qreason {
namespace {

constexpr std::array kRoles{Role::kWeight, Role::kActivation, Role::kKey, Role::kValue, Role::kKeyValue};

// Where a float format's scales sit when its text does not say.
Granularity default_float_granularity(Role role, int group_size) {
  if (group_size > 0) return role == Role::kWeight ? Granularity::kGroup : Granularity::kTokenGroup;
  if (role == Role::kWeight) return Granularity::kChannel;
  return role == Role::kActivation ? Granularity::kToken : Granularity::kTensor;
}

std::string_view rule_text(RangeRule rule) {
  switch (rule) {
    case RangeRule::kTrueRange:
      return "true";
    case RangeRule::kZeroRange:
      return "zero";
    case RangeRule::kTokenRange:
      return "token-range";
    case RangeRule::kFullRange:
      return "full";
  }
  return "?";
}

// Reads one text from the front; every failure names the whole text and the part that is wrong.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), rest_(text) {}

  QuantFormat parse() {
    if (text_.size() > 64) fail("a text that long");
    if (!parse_float_name()) parse_integer_name();
    while (!rest_.empty()) parse_option();
    if (format_.kind == NumberKind::kInteger && !symmetry_given_) fail("no -sym or -asym");
    validate(format_, fmt::format("number format \"{}\"", text_));
    return format_;
  }

 private:
  [[noreturn]] void fail(const std::string& got) const {
    throw Error::usage(fmt::format("number format \"{}\"", text_), got, std::string(kFormatExamples));
  }

  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }

  // The text up to the next '-'.
  std::string_view take_word() {
    const std::string_view word = rest_.substr(0, rest_.find('-'));
    rest_.remove_prefix(word.size());
    return word;
  }

  int take_number(std::string_view what) {
    int value = 0;
    const auto [end, status] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (status != std::errc() || value <= 0 || rest_.front() == '0') {
      fail(fmt::format("\"{}\" for {}", rest_.substr(0, rest_.find('-')), what));
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  bool parse_float_name() {
    std::string_view word = rest_.substr(0, rest_.find('-'));
    Role role = Role::kWeight;
    if (const auto colon = word.find(':'); colon != std::string_view::npos) {
      const auto found = find_role(word.substr(0, colon));
      if (!found) fail(fmt::format("the role \"{}\"", word.substr(0, colon)));
      role = *found;
      word.remove_prefix(colon + 1);
    }
    for (const auto& name : kFloatFormatNames) {
      if (name.text != word) continue;
      format_ = {.role = role,
                 .kind = name.kind,
                 .bits = name.kind == NumberKind::kFp4E2M1 ? 4 : 8,
                 .symmetry = Symmetry::kSymmetric,
                 .granularity = default_float_granularity(role, name.group_size),
                 .group_size = name.group_size,
                 .rule = default_rule(role),
                 .scale_type = name.scale_type};
      rest_.remove_prefix(rest_.find(word) + word.size());
      return true;
    }
    if (rest_.find(':') != std::string_view::npos) fail(fmt::format("the float format \"{}\"", word));
    return false;
  }

  static std::optional<Role> find_role(std::string_view text) {
    for (const Role role : kRoles) {
      if (role_text(role) == text) return role;
    }
    return std::nullopt;
  }

  void parse_integer_name() {
    const std::size_t letters = rest_.find_first_of("0123456789");
    const auto role = find_role(rest_.substr(0, letters));
    if (!role) fail(fmt::format("\"{}\" at the front", rest_.substr(0, letters)));
    rest_.remove_prefix(letters == std::string_view::npos ? rest_.size() : letters);
    format_ = {.role = *role, .rule = default_rule(*role)};
    format_.bits = take_number("the number of bits");
    if (*role == Role::kWeight) {
      parse_weight_granularity();
    } else {
      if (!take("-")) fail("no granularity");
      if (!parse_granularity(take_word())) fail("no granularity");
    }
  }

  void parse_weight_granularity() {
    if (take("g")) {
      format_.granularity = Granularity::kGroup;
      format_.group_size = take_number("the group size");
    } else if (take("c")) {
      format_.granularity = Granularity::kChannel;
    } else if (take("t")) {
      format_.granularity = Granularity::kTensor;
    } else {
      fail(fmt::format("\"{}\" after the bits", rest_));
    }
  }

  bool parse_granularity(std::string_view word) {
    if (word == "tensor") return set_granularity(Granularity::kTensor, 0);
    if (word == "channel") return set_granularity(Granularity::kChannel, 0);
    if (word == "token") return set_granularity(Granularity::kToken, 0);
    if (word == "head") return set_granularity(Granularity::kHead, 0);
    if (word.size() < 2 || word[0] != 'g' || word[1] == '0') return false;
    int size = 0;
    const auto [end, status] = std::from_chars(word.data() + 1, word.data() + word.size(), size);
    if (status != std::errc() || end != word.data() + word.size() || size <= 0) return false;
    return set_granularity(format_.role == Role::kWeight ? Granularity::kGroup : Granularity::kTokenGroup, size);
  }

  bool set_granularity(Granularity granularity, int group_size) {
    format_.granularity = granularity;
    format_.group_size = group_size;
    return true;
  }

  void parse_option() {
    if (!take("-")) fail(fmt::format("\"{}\"", rest_));
    if (take("token-range")) {
      once(rule_given_);
      format_.rule = RangeRule::kTokenRange;
      return;
    }
    const std::string_view word = take_word();
    if (word == "sym" || word == "asym") {
      once(symmetry_given_);
      if (format_.kind != NumberKind::kInteger) fail(fmt::format("\"{}\" on a float format", word));
      format_.symmetry = word == "sym" ? Symmetry::kSymmetric : Symmetry::kAsymmetric;
    } else if (const auto rule = rule_of(word)) {
      once(rule_given_);
      format_.rule = *rule;
    } else if (word == "mse") {
      once(search_given_);
      format_.search = RangeSearch::kMse;
    } else if (word.starts_with("clip")) {
      once(clip_given_);
      parse_clip(word.substr(4));
    } else if (word == "sf16" || word == "sbf16") {
      once(scale_given_);
      if (!is_plain_scale(format_.scale_type)) fail(fmt::format("\"{}\" on a format with a scale of its own", word));
      format_.scale_type = word == "sf16" ? ScaleType::kFloat16 : ScaleType::kBFloat16;
    } else {
      const bool fixed = format_.kind == NumberKind::kInteger || !is_plain_scale(format_.scale_type);
      if (fixed || !parse_granularity(word)) fail(fmt::format("\"{}\"", word));
      once(granularity_given_);
    }
  }

  static std::optional<RangeRule> rule_of(std::string_view word) {
    for (const RangeRule rule : {RangeRule::kTrueRange, RangeRule::kZeroRange, RangeRule::kFullRange}) {
      if (rule_text(rule) == word) return rule;
    }
    return std::nullopt;
  }

  void parse_clip(std::string_view number) {
    float ratio = 0;
    const auto [end, status] = std::from_chars(number.data(), number.data() + number.size(), ratio);
    if (number.empty() || status != std::errc() || end != number.data() + number.size()) {
      fail(fmt::format("the clip ratio \"{}\"", number));
    }
    format_.clip_ratio = ratio;
  }

  void once(bool& given) {
    if (given) fail("the same thing twice");
    given = true;
  }

  std::string_view text_;
  std::string_view rest_;
  QuantFormat format_;
  bool symmetry_given_ = false, rule_given_ = false, search_given_ = false, clip_given_ = false, scale_given_ = false,
       granularity_given_ = false;
};

}  // namespace

QuantFormat parse_quant_format(std::string_view text) {
  return Parser(text).parse();
}

std::string to_string(const QuantFormat& format) {
  std::string text;
  if (format.kind != NumberKind::kInteger) {
    const FloatFormatName* name = find_float_format(format.kind, format.scale_type);
    if (format.role != Role::kWeight) text = fmt::format("{}:", role_text(format.role));
    text += name != nullptr ? name->text : "?";
    const int fixed_group = name != nullptr ? name->group_size : 0;
    const bool said = fixed_group > 0 || format.granularity == default_float_granularity(format.role, 0);
    if (!said) text += "-" + granularity_text(format);
  } else {
    text = fmt::format("{}{}", role_text(format.role), format.bits);
    if (format.role != Role::kWeight) {
      text += "-" + granularity_text(format);
    } else {
      text += is_grouped(format.granularity)                ? granularity_text(format)
              : format.granularity == Granularity::kChannel ? "c"
                                                            : "t";
    }
    text += format.symmetry == Symmetry::kSymmetric ? "-sym" : "-asym";
    if (format.rule != default_rule(format.role)) text += fmt::format("-{}", rule_text(format.rule));
  }
  if (format.search == RangeSearch::kMse) text += "-mse";
  if (format.clip_ratio != 1) text += fmt::format("-clip{}", format.clip_ratio);
  if (format.scale_type == ScaleType::kFloat16) text += "-sf16";
  if (format.scale_type == ScaleType::kBFloat16) text += "-sbf16";
  return text;
}

}  // namespace qreason
