// What the text of an answer may be read as.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/graders/math/expression.h"

namespace qreason::math {

struct ReadAnswer {
  Reading reading;
  Node node;
  bool also_number = false;  // a list whose commas may all be those of one number: "58,500"
};

// In the order in which they are tried; empty: no expression.
std::vector<ReadAnswer> readings(std::string_view text);

// "5 m" may be five metres where the other answer knows no variables, "58,500" two numbers where the other has no
// brackets around them.
bool allowed_together(const ReadAnswer& a, const ReadAnswer& b);

// "2A" for "2A_{16}": the digits alone.
bool digits_of_base(const Node& node, std::string_view other);

struct ChoiceAndValue {
  std::string choice, value;
};

// "(B) 12", "\text{(B)} 12", "B. 12": a choice with what it says.
std::optional<ChoiceAndValue> choice_and_value(std::string_view text);

}  // namespace qreason::math
