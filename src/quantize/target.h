// What a method is asked for: its name's formats with the defaults of the method filled in.
//
// A name is METHOD-SPEC[-tpN]. SPEC: w<bits> with g<group> or c (per channel; the default where activations are
// quantized too), a<bits>, kv<bits> or k<bits>v<bits>; 16 bits mean "left as it is".
//   rtn-w3g32   gptq-w4c   rtn-w8a8kv8   rtn-w4a8k4v3-tp2
//
// b<bits a weight> in place of w<bits> is a budget (passes/format_budget.h), which each linear takes its part of; a
// group alone leaves the bits open, for set_budget to fill in:
//   gptq-b3.5g64   gptq-g64
//
// A method with a float format of its own has that format's bits and groups: mxfp4-w4a4kv4, fp8-w8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/quant_format.h"
#include "quantize/recipe.h"

namespace qreason {

struct Target {
  std::string name;  // as the recipe will be called
  std::string method;
  std::optional<QuantFormat> weight, activation, keys, values;
  int tensor_parallel = 1;
  // What the name itself says: columns of a weight group (0: per channel) and the tensor-parallel degree. Where it says
  // no granularity, group_place is where "g<group>" would stand in it.
  std::optional<std::int64_t> named_group;
  std::optional<int> named_tensor_parallel;
  std::size_t group_place = 0;
  // Bits a weight in place of bits for all weights, whose format then holds the rest; open_bits: the name says neither.
  std::optional<double> budget;
  bool open_bits = false;

  bool per_channel() const { return weight && weight->granularity == Granularity::kChannel; }
};

// A name and what is asked for beside it must not contradict each other: what the name says is refused to be set to
// another value, and what it leaves open is written into it when it is set.
void set_group(Target& target, std::int64_t group, const std::string& where);
void set_budget(Target& target, double bits, const std::string& where);
void set_tensor_parallel(Target& target, int degree, const std::string& where);

// Throws Error (usage) naming the text and the part that is wrong. Formats have the plain defaults (zero-range,
// asymmetric, no search, no clip); the method's parameters change them. `own_numbers`: the text of a method's own float
// format, "mxfp4"; every place that the name quantizes has it, and other bits or a group in the name are an Error.
Target parse_target(std::string_view name, std::string_view own_numbers = {});

}  // namespace qreason
