// To how many bits a row of the tables rounds what: from the plan that its results record, else from its method's name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace qreason {

// Bits of codes, without scales. nullopt: not rounded, or not known.
struct RowBits {
  std::optional<double> weights;                    // mean over the rounded weights
  std::optional<double> activations, keys, values;  // the fewest of any place

  bool operator==(const RowBits&) const = default;
};

// `plan` as results record it (model/plan.h), null where they do not; `checkpoint` is the report.json of the
// quantized model, or null. Where linears differ in bits, the mean needs the sizes that this file lists; without it the
// bits of the weights are not known. Text that is no number format counts for nothing.
RowBits row_bits(const OrderedJson& plan, const OrderedJson& checkpoint, std::string_view method);

// What is rounded: the groups in which methods are compared.
enum class Rounded { kNothing, kWeights, kCache, kActivations };
Rounded rounded_by(const RowBits& bits);
std::string_view title_of(Rounded rounded);
// The bits by which rows of one group are placed: of the weights, or of the keys (else the values).
std::optional<double> leading_bits(const RowBits& bits);
// "W 4, A 4, K 4, V 4"; "unquantized".
std::string bits_text(const RowBits& bits);

// "gptq" of "gptq-w4g64", so that a method has one colour at all its bits; a name of no known family is its own.
std::string method_family(std::string_view method);

}  // namespace qreason
