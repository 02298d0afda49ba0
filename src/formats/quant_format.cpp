#include "formats/quant_format.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/error.h"

namespace qreason {
namespace {

struct RoleName {
  std::string_view text;
  Role role;
};
constexpr std::array kRoles{RoleName{"w", Role::kWeight}, RoleName{"a", Role::kActivation}, RoleName{"k", Role::kKey},
                            RoleName{"v", Role::kValue}, RoleName{"kv", Role::kKeyValue}};

struct FloatName {
  std::string_view text;
  NumberKind kind;
  ScaleType scale_type;
  int group_size;  // 0: the role's own granularity
};
constexpr std::array kFloats{
    FloatName{"fp8e4m3", NumberKind::kFp8E4M3, ScaleType::kFloat32, 0},
    FloatName{"fp8e5m2", NumberKind::kFp8E5M2, ScaleType::kFloat32, 0},
    FloatName{"fp4e2m1", NumberKind::kFp4E2M1, ScaleType::kFloat32, 0},
    FloatName{"mxfp8e4m3", NumberKind::kFp8E4M3, ScaleType::kE8M0, 32},
    FloatName{"mxfp8e5m2", NumberKind::kFp8E5M2, ScaleType::kE8M0, 32},
    FloatName{"mxfp4", NumberKind::kFp4E2M1, ScaleType::kE8M0, 32},
    FloatName{"nvfp4", NumberKind::kFp4E2M1, ScaleType::kE4M3, 16},
};

constexpr std::string_view kExamples =
    "something like w4g128-asym, w8c-sym, a8-token-asym, k4-head-asym-clip0.95, fp8e4m3 or kv:mxfp4";

RangeRule default_rule(Role role) {
  return role == Role::kWeight ? RangeRule::kZeroRange : RangeRule::kTokenRange;
}

std::string_view role_text(Role role) {
  for (const auto& name : kRoles) {
    if (name.role == role) return name.text;
  }
  return "?";
}

const FloatName* find_float(NumberKind kind, ScaleType scale_type) {
  for (const auto& name : kFloats) {
    if (name.kind == kind && name.scale_type == scale_type) return &name;
  }
  return nullptr;
}

// Where a float format's scales sit when its text does not say.
Granularity default_float_granularity(Role role, int group_size) {
  if (group_size > 0) return role == Role::kWeight ? Granularity::kGroup : Granularity::kTokenGroup;
  if (role == Role::kWeight) return Granularity::kChannel;
  return role == Role::kActivation ? Granularity::kToken : Granularity::kTensor;
}

bool is_grouped(Granularity granularity) {
  return granularity == Granularity::kGroup || granularity == Granularity::kTokenGroup;
}

std::string granularity_text(const QuantFormat& format) {
  switch (format.granularity) {
    case Granularity::kTensor:
      return "tensor";
    case Granularity::kChannel:
      return "channel";
    case Granularity::kToken:
      return "token";
    case Granularity::kHead:
      return "head";
    case Granularity::kGroup:
    case Granularity::kTokenGroup:
      return fmt::format("g{}", format.group_size);
  }
  return "?";
}

std::string_view rule_text(RangeRule rule) {
  switch (rule) {
    case RangeRule::kTrueRange:
      return "true";
    case RangeRule::kZeroRange:
      return "zero";
    case RangeRule::kTokenRange:
      return "token-range";
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
    throw Error::usage(fmt::format("number format \"{}\"", text_), got, std::string(kExamples));
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
    for (const auto& name : kFloats) {
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
    for (const auto& name : kRoles) {
      if (name.text == text) return name.role;
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
    } else if (word == "true" || word == "zero") {
      once(rule_given_);
      format_.rule = word == "true" ? RangeRule::kTrueRange : RangeRule::kZeroRange;
    } else if (word == "mse") {
      once(search_given_);
      format_.search = RangeSearch::kMse;
    } else if (word.starts_with("clip")) {
      once(clip_given_);
      parse_clip(word.substr(4));
    } else {
      const bool fixed = format_.kind == NumberKind::kInteger || format_.scale_type != ScaleType::kFloat32;
      if (fixed || !parse_granularity(word)) fail(fmt::format("\"{}\"", word));
      once(granularity_given_);
    }
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
  bool symmetry_given_ = false, rule_given_ = false, search_given_ = false, clip_given_ = false,
       granularity_given_ = false;
};

bool granularity_fits(Role role, Granularity granularity) {
  switch (granularity) {
    case Granularity::kTensor:
    case Granularity::kChannel:
      return true;
    case Granularity::kGroup:
      return role == Role::kWeight;
    case Granularity::kToken:
    case Granularity::kTokenGroup:
      return role != Role::kWeight;
    case Granularity::kHead:
      return role == Role::kKey || role == Role::kValue || role == Role::kKeyValue;
  }
  return false;
}

void validate_float(const QuantFormat& format, const std::string& where) {
  const FloatName* name = find_float(format.kind, format.scale_type);
  if (name == nullptr) throw Error::usage(where, "no such pair of number and scale type", std::string(kExamples));
  const int bits = format.kind == NumberKind::kFp4E2M1 ? 4 : 8;
  if (format.bits != bits) {
    throw Error::usage(where, fmt::format("{} bits for {}", format.bits, name->text), fmt::format("{}", bits));
  }
  if (format.symmetry != Symmetry::kSymmetric)
    throw Error::usage(where, "an asymmetric float format", "a symmetric one");
  if (format.rule != default_rule(format.role)) {
    throw Error::usage(where, "a range rule on a float format", "the largest magnitude alone");
  }
  if (name->group_size > 0 && format.group_size != name->group_size) {
    throw Error::usage(where, fmt::format("groups of {} for {}", format.group_size, name->text),
                       fmt::format("{}", name->group_size));
  }
}

}  // namespace

void validate(const QuantFormat& format, const std::string& where) {
  if (format.kind == NumberKind::kInteger) {
    if (format.bits < 2 || format.bits > 8) throw Error::usage(where, fmt::format("{} bits", format.bits), "2 to 8");
    if (format.scale_type != ScaleType::kFloat32) {
      throw Error::usage(where, "integers with a scale that is not float32", "float32 scales");
    }
  } else {
    validate_float(format, where);
  }
  if (!granularity_fits(format.role, format.granularity)) {
    throw Error::usage(where,
                       fmt::format("the granularity {} for {}", granularity_text(format), role_text(format.role)),
                       "w: g<size>, c or t; others: token, head, g<size>, channel or tensor");
  }
  if (is_grouped(format.granularity) != (format.group_size > 0)) {
    throw Error::usage(where, fmt::format("a group size of {}", format.group_size), "a positive one, with groups only");
  }
  if (format.search == RangeSearch::kMse &&
      (format.kind != NumberKind::kInteger || format.rule != RangeRule::kZeroRange)) {
    throw Error::usage(where, "an MSE search", "one only with integers under the zero-range rule");
  }
  if (!(format.clip_ratio > 0 && format.clip_ratio <= 1)) {
    throw Error::usage(where, fmt::format("a clip ratio of {}", format.clip_ratio), "one in (0, 1]");
  }
  if (format.clip_ratio != 1 && format.rule != RangeRule::kTokenRange) {
    throw Error::usage(where, "a clip ratio", "one only under the token-range rule");
  }
}

int QuantFormat::max_code() const {
  return symmetry == Symmetry::kAsymmetric ? (1 << bits) - 1 : (1 << (bits - 1)) - 1;
}

int QuantFormat::code_offset() const {
  return symmetry == Symmetry::kAsymmetric ? 0 : 1 << (bits - 1);
}

QuantFormat QuantFormat::with_search(RangeSearch value) const {
  QuantFormat copy = *this;
  copy.search = value;
  return copy;
}

QuantFormat QuantFormat::with_rule(RangeRule value) const {
  QuantFormat copy = *this;
  copy.rule = value;
  return copy;
}

QuantFormat QuantFormat::clipped(float ratio) const {
  QuantFormat copy = *this;
  copy.clip_ratio = ratio;
  return copy;
}

QuantFormat parse_quant_format(std::string_view text) {
  return Parser(text).parse();
}

std::string to_string(const QuantFormat& format) {
  std::string text;
  if (format.kind != NumberKind::kInteger) {
    const FloatName* name = find_float(format.kind, format.scale_type);
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
  return text;
}

}  // namespace qreason
