#include "report/row_bits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/method_names.h"
#include "formats/quant_format.h"

namespace qreason {
namespace {

std::optional<int> format_bits(std::string_view word) {
  try {
    return parse_quant_format(word).bits;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Of the words of a site ("a4-token-asym hadamard128"), those of its format.
std::optional<double> site_bits(const OrderedJson& words) {
  if (!words.is_string()) return std::nullopt;
  std::string_view text = words.get_ref<const std::string&>();
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    if (const auto bits = format_bits(text.substr(0, space))) return *bits;
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return std::nullopt;
}

const OrderedJson& member(const OrderedJson& object, const char* name) {
  static const OrderedJson kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

// The mean over the weights of the linears that a checkpoint's report lists.
std::optional<double> mean_of_linears(const OrderedJson& checkpoint) {
  double bits = 0, weights = 0;
  const OrderedJson& blocks = member(checkpoint, "blocks");
  for (const OrderedJson& block : blocks.is_array() ? blocks : OrderedJson::array()) {
    const OrderedJson& linears = member(block, "linears");
    for (const OrderedJson& linear : linears.is_array() ? linears : OrderedJson::array()) {
      const OrderedJson& shape = member(linear, "shape");
      const auto own = site_bits(member(linear, "format"));
      if (!own || !shape.is_array() || shape.size() != 2 || !shape[0].is_number() || !shape[1].is_number())
        return std::nullopt;
      const double size = shape[0].get<double>() * shape[1].get<double>();
      bits += *own * size;
      weights += size;
    }
  }
  return weights > 0 ? std::optional(bits / weights) : std::nullopt;
}

std::optional<double> weight_bits(const OrderedJson& plan, const OrderedJson& checkpoint) {
  std::set<double> found;
  const OrderedJson& weights = member(plan, "weights");
  if (weights.is_object())
    for (const auto& [linear, format] : weights.items())
      if (const auto bits = site_bits(format)) found.insert(*bits);
  if (found.size() == 1 && !plan.contains("rules")) return *found.begin();
  return found.empty() && !plan.contains("rules") ? std::nullopt : mean_of_linears(checkpoint);
}

RowBits bits_of_plan(const OrderedJson& plan, const OrderedJson& checkpoint) {
  RowBits result{.weights = weight_bits(plan, checkpoint),
                 .activations = {},
                 .keys = site_bits(member(plan, "keys")),
                 .values = site_bits(member(plan, "values"))};
  const OrderedJson& sites = member(plan, "activations");
  if (sites.is_object())
    for (const auto& [site, words] : sites.items())
      if (const auto bits = site_bits(words); bits && *bits <= result.activations.value_or(*bits))
        result.activations = bits;
  return result;
}

// "w4a4kv4" of a name, part by part: letters, then a number. 16 bits are no rounding.
void read_spec(std::string_view part, RowBits& bits) {
  while (!part.empty()) {
    const std::size_t digits = part.find_first_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) return;
    const std::string_view letters = part.substr(0, digits);
    int number = 0;
    const auto [end, failure] = std::from_chars(part.data() + digits, part.data() + part.size(), number);
    if (failure != std::errc{}) return;
    part.remove_prefix(static_cast<std::size_t>(end - part.data()));
    if (number < 1 || number > 8) continue;
    if (letters == "w") bits.weights = number;
    if (letters == "a") bits.activations = number;
    if (letters == "k" || letters == "kv") bits.keys = number;
    if (letters == "v" || letters == "kv") bits.values = number;
  }
}

RowBits bits_of_name(std::string_view method) {
  RowBits bits;
  for (std::size_t at = method.find('-'); at != std::string_view::npos; at = method.find('-', at + 1)) {
    const std::string_view part = method.substr(at + 1);
    if (part.starts_with("tp")) continue;
    read_spec(part.substr(0, part.find('-')), bits);
  }
  return bits;
}

}  // namespace

RowBits row_bits(const OrderedJson& plan, const OrderedJson& checkpoint, std::string_view method) {
  return plan.is_object() ? bits_of_plan(plan, checkpoint) : bits_of_name(method);
}

Rounded rounded_by(const RowBits& bits) {
  if (bits.activations) return Rounded::kActivations;
  if (bits.weights) return Rounded::kWeights;
  return bits.keys || bits.values ? Rounded::kCache : Rounded::kNothing;
}

std::string_view title_of(Rounded rounded) {
  constexpr std::array<std::string_view, 4> kTitles{"nothing", "weights", "keys and values", "weights and activations"};
  return kTitles.at(static_cast<std::size_t>(rounded));
}

std::optional<double> leading_bits(const RowBits& bits) {
  return bits.weights ? bits.weights : bits.keys ? bits.keys : bits.values;
}

std::string bits_text(const RowBits& bits) {
  std::string text;
  const auto add = [&](const char* letter, const std::optional<double>& value) {
    if (value) text += fmt::format("{}{} {:g}", text.empty() ? "" : ", ", letter, std::round(*value * 100) / 100);
  };
  add("W", bits.weights);
  add("A", bits.activations);
  add("K", bits.keys);
  add("V", bits.values);
  return text.empty() ? "-" : text;
}

std::string method_family(std::string_view method) {
  const std::string_view head = method.substr(0, method.find('-'));
  const auto families = method_families();
  const bool known = std::find(families.begin(), families.end(), head) != families.end();
  return std::string(known ? head : method);
}

}  // namespace qreason
