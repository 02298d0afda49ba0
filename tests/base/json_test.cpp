#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;

template <class Action>
std::string failure_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string parse_failure(const std::string& text) {
  return failure_of([&] { parse_json(text, "config.json"); });
}

TEST(Json, KeepsTheOrderOfKeysWhereAsked) {
  EXPECT_EQ(parse_ordered_json("{\"b\": 1, \"a\": {\"d\": 2, \"c\": 3}}", "x").dump(),
            "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}");
}

TEST(Json, RefusesRepeatedKeysAtAnyDepth) {
  EXPECT_THAT(parse_failure("{\"a\": 1, \"a\": 2}"), HasSubstr("config.json: the key \"a\" twice"));
  EXPECT_THAT(parse_failure("[{\"x\": {\"a\": 1, \"b\": [], \"a\": 2}}]"), HasSubstr("the key \"a\" twice"));
  EXPECT_THAT(parse_failure("{\"\\u0061\": 1, \"a\": 2}"), HasSubstr("the key \"a\" twice"));
  EXPECT_EQ(parse_failure("{\"a\": {\"a\": 1}, \"b\": {\"a\": 1}}"), "no error");
  EXPECT_THAT(failure_of([] { parse_ordered_json("{\"a\": 1, \"a\": 2}", "x"); }), HasSubstr("twice"));
}

TEST(Json, SurvivesDepthBombs) {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string bomb;
    for (int i = 0; i < 100000; ++i) bomb += open;
    EXPECT_THAT(parse_failure(bomb), HasSubstr("nested deeper than 200")) << open;
  }
  EXPECT_EQ(parse_failure(std::string(200, '[') + std::string(200, ']')), "no error");
  EXPECT_THAT(parse_failure(std::string(202, '[') + std::string(202, ']')), HasSubstr("nested deeper"));
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* text :
       {"", " ", "{", "{]", "{\"a\" 1}", "[1,]", "nul", "01", "1 2", "{\"a\": 1} x", "'a'", "[NaN]", "\"\t\""}) {
    EXPECT_THAT(parse_failure(text), HasSubstr("config.json: invalid JSON")) << text;
  }
  EXPECT_THAT(parse_failure("\"\xff\""), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_failure("\"\xc0\xaf\""), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_failure("\"\xed\xa0\x80\""), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_failure("\"\\ud800\""), HasSubstr("invalid JSON"));
  EXPECT_THAT(parse_failure(std::string("[1]\0", 4)), HasSubstr("invalid JSON"));
}

TEST(Json, KeepsItsMessagesToOneShortLine) {
  EXPECT_THAT(parse_failure("{\"a\\nb\": 1, \"a\\nb\": 2}"), HasSubstr("the key \"a?b\" twice"));
  EXPECT_LT(parse_failure("\"" + std::string(1 << 20, 'x')).size(), 400u);
  EXPECT_LT(
      parse_failure("{\"" + std::string(1 << 20, 'x') + "\": 1, \"" + std::string(1 << 20, 'x') + "\": 2}").size(),
      400u);
}

TEST(Json, ChecksTypesAndNamesTheKey) {
  const Json object =
      parse_json("{\"i\": 3, \"f\": 3.0, \"s\": \"x\", \"b\": true, \"n\": null, \"big\": 18446744073709551615}", "c");
  EXPECT_EQ(json_int(object, "i", "c"), 3);
  EXPECT_EQ(json_number(object, "i", "c"), 3.0);
  EXPECT_EQ(json_number(object, "f", "c"), 3.0);
  EXPECT_EQ(json_string(object, "s", "c"), "x");
  EXPECT_TRUE(json_bool(object, "b", "c"));
  EXPECT_EQ(json_int_if(object, "n", "c"), std::nullopt);
  EXPECT_EQ(json_string_if(object, "absent", "c"), std::nullopt);
  EXPECT_THAT(failure_of([&] { json_int(object, "f", "c"); }), HasSubstr("c: \"f\" is 3.0, expected an integer"));
  EXPECT_THAT(failure_of([&] { json_int(object, "big", "c"); }), HasSubstr("expected an integer"));
  EXPECT_THAT(failure_of([&] { json_string(object, "i", "c"); }), HasSubstr("\"i\" is 3, expected a string"));
  EXPECT_THAT(failure_of([&] { json_bool(object, "s", "c"); }), HasSubstr("expected true or false"));
  EXPECT_THAT(failure_of([&] { json_number(object, "b", "c"); }), HasSubstr("expected a number"));
  EXPECT_THAT(failure_of([&] { json_int(object, "absent", "c"); }), HasSubstr("c: no \"absent\""));
  EXPECT_THAT(failure_of([&] { json_int(object, "n", "c"); }), HasSubstr("c: no \"n\""));
  EXPECT_THAT(failure_of([&] { json_int(parse_json("[1]", "c"), "a", "c"); }),
              HasSubstr("c: a JSON array, expected an object"));
}

}  // namespace
}  // namespace qreason
