// Plain values as Python has them, and when they are equal.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct PlainValue {
  // kOther: an object of another class, a set, bytes: equal to nothing, itself included.
  enum class Kind : std::uint8_t { kNone, kInteger, kFloat, kText, kList, kTuple, kDictionary, kOther };

  Kind kind = Kind::kOther;
  boost::multiprecision::cpp_int integer;  // True and False too: they equal 1 and 0
  double number = 0;
  std::string text;               // UTF-8
  std::vector<PlainValue> items;  // of a dictionary: key, value, key, value
};

// What expected outputs may nest; a result that nests deeper is kOther.
inline constexpr int kPlainValueDepth = 200;

// An expected output: JSON, whose integers have any size and whose repeated keys are the last. Error naming `where`.
PlainValue parse_expected_value(std::string_view json, const std::string& where);

// What the harness reports: N, T, F, iHEX; fHEX; sBYTES;TEXT, lCOUNT; and tCOUNT; with that many values, dCOUNT; with
// twice as many, X. Anything else, also behind the value, is kOther: a report from outside the harness.
PlainValue parse_reported_value(std::string_view report);

// Python's ==: numbers by value, exactly, NaN equal to nothing; lists are no tuples; dictionaries have no order.
bool equal_values(const PlainValue& a, const PlainValue& b);

}  // namespace qreason
