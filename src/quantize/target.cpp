#include "quantize/target.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"

namespace qreason {
namespace {

constexpr const char* kGrammar =
    "METHOD-SPEC[-tpN] with SPEC = w<bits>g<group> or w<bits>c, then a<bits>, then kv<bits> or k<bits>v<bits>, "
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
  // 2 to 8, or 16 for "left as it is": 0.
  int bits(const char* what) {
    const int value = number(2, 16, what);
    if (value > 8 && value != 16) fail(fmt::format("{} {}", what, value), "2 to 8, or 16 for none");
    return value == 16 ? 0 : value;
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

QuantFormat format_of(Role role, int bits, Granularity granularity) {
  QuantFormat format;
  format.role = role;
  format.bits = bits;
  format.granularity = granularity;
  format.rule = role == Role::kWeight ? RangeRule::kZeroRange : RangeRule::kTokenRange;
  return format;
}

void parse_weights(SpecParser& spec, Target& target) {
  const int bits = spec.bits("weight bits");
  target.group_place = spec.place();
  if (spec.take("g")) {
    target.named_group = spec.number(1, 1 << 24, "weight group");
  } else if (spec.take("c")) {
    target.named_group = 0;
  }
  if (bits == 0) return;
  const std::int64_t group = target.named_group.value_or(0);
  target.weight = format_of(Role::kWeight, bits, group > 0 ? Granularity::kGroup : Granularity::kChannel);
  target.weight->group_size = static_cast<int>(group);
}

void parse_cache(SpecParser& spec, Target& target) {
  int key_bits = 0, value_bits = 0;
  if (spec.take("kv")) {
    key_bits = value_bits = spec.bits("cache bits");
  } else if (spec.take("k")) {
    key_bits = spec.bits("key bits");
    if (!spec.take("v")) spec.fail("keys without values", "k<bits>v<bits>");
    value_bits = spec.bits("value bits");
  }
  if (key_bits) target.keys = format_of(Role::kKey, key_bits, Granularity::kHead);
  if (value_bits) target.values = format_of(Role::kValue, value_bits, Granularity::kHead);
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

void set_tensor_parallel(Target& target, int degree, const std::string& where) {
  if (target.named_tensor_parallel && *target.named_tensor_parallel != degree) {
    throw Error::usage(where, fmt::format("{} under the name {}", degree, target.name),
                       fmt::format("the {} that the name says", *target.named_tensor_parallel));
  }
  target.tensor_parallel = degree;
  if (!target.named_tensor_parallel && degree > 1) target.name += fmt::format("-tp{}", degree);
  target.named_tensor_parallel = degree;
}

Target parse_target(std::string_view name) {
  Target target{.name = std::string(name)};
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos || dash == 0) {
    throw Error::usage(fmt::format("method {}", name), "no formats behind the method's name", kGrammar);
  }
  target.method = name.substr(0, dash);
  SpecParser spec(name.substr(dash + 1), name);
  if (spec.take("w")) parse_weights(spec, target);
  if (spec.take("a")) {
    if (const int bits = spec.bits("activation bits")) {
      target.activation = format_of(Role::kActivation, bits, Granularity::kToken);
    }
  }
  parse_cache(spec, target);
  if (spec.take("-tp")) target.named_tensor_parallel = spec.number(1, 1024, "tensor-parallel degree");
  target.tensor_parallel = target.named_tensor_parallel.value_or(1);
  if (!spec.done()) spec.fail(fmt::format("\"{}\"", spec.rest()), kGrammar);
  if (!target.named_group && target.weight && !target.activation) {
    spec.fail("weights without group or c", fmt::format("w{0}g128 or w{0}c", target.weight->bits));
  }
  if (!target.weight && !target.activation && !target.keys && !target.values)
    spec.fail("nothing to quantize", kGrammar);
  return target;
}

}  // namespace qreason
