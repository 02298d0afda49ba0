#include "base/json_difference.h"

#include <gtest/gtest.h>

namespace qreason {
namespace {

std::string shown(const char* first, const char* second) {
  const auto difference = json_difference(OrderedJson::parse(first), OrderedJson::parse(second));
  return difference ? difference->path + ": " + difference->first + ", " + difference->second : "the same";
}

TEST(JsonDifference, NamesTheFirstMemberAndBothValues) {
  EXPECT_EQ(shown(R"({"a": {"b": 1, "c": [1]}})", R"({"a": {"b": 2, "c": [2]}})"), "a.b: 1, 2");
  EXPECT_EQ(shown(R"({"a": [1, 2]})", R"({"a": [2, 1]})"), "a: [1,2], [2,1]");
  EXPECT_EQ(shown(R"({"a": {"b": "x"}})", R"({"a": "x"})"), R"(a: {"b":"x"}, "x")");
  EXPECT_EQ(shown("1", "\"1\""), ": 1, \"1\"");
}

TEST(JsonDifference, TakesAbsentMembersForNullWhateverTheOrder) {
  EXPECT_EQ(shown(R"({"a": 1, "b": null})", R"({"c": null, "a": 1})"), "the same");
  EXPECT_EQ(shown(R"({"a": 1, "b": 2})", R"({"b": 2, "a": 1})"), "the same");
  EXPECT_EQ(shown(R"({"a": 1})", R"({"a": 1, "d": {"e": 3}})"), R"(d: null, {"e":3})");
  EXPECT_EQ(shown(R"({"a": 1, "d": 0})", R"({"a": 1})"), "d: 0, null");
}

}  // namespace
}  // namespace qreason
