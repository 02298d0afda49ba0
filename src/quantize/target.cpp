#include "quantize/target.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"

namespace qreason {
namespace {

constexpr const char* kGrammar =
    "METHOD-SPEC[-tpN] with SPEC = w<bits>g<group> or w<bits>c (b<bits a weight> for a budget), then a<bits>, then "
    "kv<bits> or k<bits>v<bits>, "
    "such as gptq-w4g128, rtn-w8a8kv8";

class SpecParser {
 public:
  SpecParser(std::string_view spec, std::string_view name) : rest_(spec), name_(name) {}

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  int number(int lowest, int highest, const char* what) {
    int value = 0;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < lowest || value > highest) {
      fail(fmt::format("{} {}", what, error == std::errc() ? std::to_string(value) : std::string(rest_)),
           fmt::format("{} to {}", lowest, highest));
    }
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return value;
  }
  double budget() {
    double value = 0;
    const auto [stop, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, std::chars_format::fixed);
    if (error != std::errc() || !(value > 0) || value > 64)
      fail(fmt::format("budget {}", rest_), "bits a weight, up to 64");
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return value;
  }
  bool done() const { return rest_.empty(); }
  bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }
  std::string_view rest() const { return rest_; }
  std::size_t place() const { return name_.size() - rest_.size(); }
  [[noreturn]] void fail(const std::string& got, const std::string& expected) const {
    throw Error::usage(fmt::format("method {}", name_), got, expected);
  }

 private:
  std::string_view rest_, name_;
};

// Makes the formats of a target: integers of the bits that a name gives, or a float format of the method's own.
class FormatMaker {
 public:
  explicit FormatMaker(std::string_view own_numbers) : own_(own_numbers) {}

  bool own() const { return !own_.empty(); }

  // 2 to 8, those of the method's own format, or 16 for "left as it is": 0.
  int take_bits(SpecParser& spec, const char* what) const {
    const int value = spec.number(2, 16, what);
    const int only = own() ? parse_quant_format(own_).bits : 0;
    if (own() ? value != only && value != 16 : value > 8 && value != 16) {
      spec.fail(fmt::format("{} {}", what, value),
                own() ? fmt::format("{}, those of {}, or 16 for none", only, own_) : "2 to 8, or 16 for none");
    }
    return value == 16 ? 0 : value;
  }

  QuantFormat of(Role role, int bits, Granularity granularity) const {
    if (own()) return own_of(role);
    QuantFormat format;
    format.role = role;
    format.bits = bits;
    format.granularity = granularity;
    format.rule = role == Role::kWeight ? RangeRule::kZeroRange : RangeRule::kTokenRange;
    return format;
  }

 private:
  // What the text means for the role; a cache has its scales a head where the text would give it one of all.
  QuantFormat own_of(Role role) const {
    const char* prefix = role == Role::kWeight       ? "w:"
                         : role == Role::kActivation ? "a:"
                         : role == Role::kKey        ? "k:"
                                                     : "v:";
    QuantFormat format = parse_quant_format(fmt::format("{}{}", prefix, own_));
    if (format.granularity == Granularity::kTensor) format.granularity = Granularity::kHead;
    return format;
  }

  std::string_view own_;
};

void parse_group(SpecParser& spec, Target& target) {
  target.group_place = spec.place();
  if (spec.take("g")) {
    target.named_group = spec.number(1, 1 << 24, "weight group");
  } else if (spec.take("c")) {
    target.named_group = 0;
  }
}

void set_weight(const FormatMaker& formats, int bits, Target& target) {
  const std::int64_t group = target.named_group.value_or(0);
  target.weight = formats.of(Role::kWeight, bits, group > 0 ? Granularity::kGroup : Granularity::kChannel);
  target.weight->group_size = static_cast<int>(group);
}

void parse_weights(SpecParser& spec, const FormatMaker& formats, Target& target) {
  const int bits = formats.take_bits(spec, "weight bits");
  target.group_place = spec.place();
  if (formats.own()) {
    if (bits != 0) target.weight = formats.of(Role::kWeight, bits, Granularity::kChannel);
    return;
  }
  parse_group(spec, target);
  if (bits != 0) set_weight(formats, bits, target);
}

// Weights whose bits are a budget: their format's own are those that most linears may take.
constexpr int kBudgetFormatBits = 4;

void parse_budget(SpecParser& spec, const FormatMaker& formats, Target& target) {
  if (spec.take("b")) target.budget = spec.budget();
  target.open_bits = !target.budget;
  parse_group(spec, target);
  set_weight(formats, kBudgetFormatBits, target);
}

void parse_cache(SpecParser& spec, const FormatMaker& formats, Target& target) {
  int key_bits = 0, value_bits = 0;
  if (spec.take("kv")) {
    key_bits = value_bits = formats.take_bits(spec, "cache bits");
  } else if (spec.take("k")) {
    key_bits = formats.take_bits(spec, "key bits");
    if (!spec.take("v")) spec.fail("keys without values", "k<bits>v<bits>");
    value_bits = formats.take_bits(spec, "value bits");
  }
  if (key_bits) target.keys = formats.of(Role::kKey, key_bits, Granularity::kHead);
  if (value_bits) target.values = formats.of(Role::kValue, value_bits, Granularity::kHead);
}

}  // namespace

void set_group(Target& target, std::int64_t group, const std::string& where) {
  const std::string text = group > 0 ? fmt::format("g{}", group) : "c";
  if (target.named_group && *target.named_group != group) {
    throw Error::usage(where, fmt::format("{} under the name {}", group, target.name),
                       fmt::format("what the name says, or a name with {}", text));
  }
  target.weight->granularity = group > 0 ? Granularity::kGroup : Granularity::kChannel;
  target.weight->group_size = static_cast<int>(group);
  if (target.named_group || group == 0) return;
  target.name.insert(target.group_place, text);
  target.named_group = group;
}

void set_budget(Target& target, double bits, const std::string& where) {
  if (target.budget != bits && !target.open_bits) {
    throw Error::usage(where, fmt::format("{} under the name {}", bits, target.name),
                       fmt::format("a name with b{} in place of w<bits>", bits));
  }
  if (!target.open_bits) return;
  const std::string text = fmt::format("b{}", bits);
  target.name.insert(target.name.find('-') + 1, text);
  target.group_place += text.size();
  target.budget = bits;
  target.open_bits = false;
}

void set_tensor_parallel(Target& target, int degree, const std::string& where) {
  if (target.named_tensor_parallel && *target.named_tensor_parallel != degree) {
    throw Error::usage(where, fmt::format("{} under the name {}", degree, target.name),
                       fmt::format("the {} that the name says", *target.named_tensor_parallel));
  }
  target.tensor_parallel = degree;
  if (!target.named_tensor_parallel && degree > 1) target.name += fmt::format("-tp{}", degree);
  target.named_tensor_parallel = degree;
}

Target parse_target(std::string_view name, std::string_view own_numbers) {
  Target target{.name = std::string(name)};
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash == 0) {
    throw Error::usage(fmt::format("method {}", name), "no formats behind the method's name", kGrammar);
  }
  target.method = name.substr(0, dash);
  SpecParser spec(name.substr(dash + 1), name);
  const FormatMaker formats(own_numbers);
  const bool by_budget = !formats.own() && (spec.rest().starts_with("b") || spec.rest().starts_with("g"));
  if (by_budget) {
    parse_budget(spec, formats, target);
  } else if (spec.take("w")) {
    parse_weights(spec, formats, target);
  }
  if (spec.take("a")) {
    if (const int bits = formats.take_bits(spec, "activation bits")) {
      target.activation = formats.of(Role::kActivation, bits, Granularity::kToken);
    }
  }
  parse_cache(spec, formats, target);
  if (spec.take("-tp")) target.named_tensor_parallel = spec.number(1, 1024, "tensor-parallel degree");
  target.tensor_parallel = target.named_tensor_parallel.value_or(1);
  if (!spec.done()) {
    const std::string own =
        fmt::format("w<bits>, a<bits>, kv<bits> and -tpN alone: {} has groups of its own", own_numbers);
    spec.fail(fmt::format("\"{}\"", spec.rest()), formats.own() ? own : kGrammar);
  }
  if (!target.named_group && target.weight && !target.activation && !formats.own()) {
    const std::string bits =
        target.budget ? fmt::format("b{}", *target.budget) : fmt::format("w{}", target.weight->bits);
    spec.fail("weights without group or c", fmt::format("{0}g128 or {0}c", bits));
  }
  if (!target.weight && !target.activation && !target.keys && !target.values)
    spec.fail("nothing to quantize", kGrammar);
  return target;
}

}  // namespace qreason
