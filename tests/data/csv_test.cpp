#include "data/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::vector<std::string>> fields_of(std::string_view text) {
  std::vector<std::vector<std::string>> all;
  for (auto& record : parse_csv(text, "file.csv")) all.push_back(std::move(record.fields));
  return all;
}

std::string failure_of(std::string_view text) {
  try {
    parse_csv(text, "file.csv");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// The examples are those of RFC 4180, section 2.
TEST(Csv, ReadsTheExamplesOfTheRfc) {
  EXPECT_THAT(fields_of("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"),
              ElementsAre(ElementsAre("aaa", "bbb", "ccc"), ElementsAre("zzz", "yyy", "xxx")));
  EXPECT_THAT(fields_of("aaa,bbb,ccc\r\nzzz,yyy,xxx"),
              ElementsAre(ElementsAre("aaa", "bbb", "ccc"), ElementsAre("zzz", "yyy", "xxx")));
  EXPECT_THAT(fields_of("\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx"),
              ElementsAre(ElementsAre("aaa", "b \r\nbb", "ccc"), ElementsAre("zzz", "yyy", "xxx")));
  EXPECT_THAT(fields_of("\"aaa\",\"b\"\"bb\",\"ccc\""), ElementsAre(ElementsAre("aaa", "b\"bb", "ccc")));
}

TEST(Csv, KeepsEmptyFieldsAndLeavesOutEmptyLines) {
  EXPECT_THAT(fields_of("a,,b\n\n,\n\"\"\n"),
              ElementsAre(ElementsAre("a", "", "b"), ElementsAre("", ""), ElementsAre("")));
  EXPECT_THAT(fields_of("a,\"\""), ElementsAre(ElementsAre("a", "")));
  EXPECT_TRUE(fields_of("").empty());
}

TEST(Csv, CountsLinesInsideQuotedFields) {
  const auto records = parse_csv("a\n\"1\n2\n3\"\nb\n", "file.csv");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1].line, 2);
  EXPECT_EQ(records[2].line, 5);
}

TEST(Csv, RefusesWhatIsNoCsvAndNamesTheLine) {
  EXPECT_THAT(failure_of("a\nb,\"never closed\nx"), HasSubstr("file.csv, line 2: a quoted field without"));
  EXPECT_THAT(failure_of("a\"b\n"), HasSubstr("line 1: a quote inside"));
  EXPECT_THAT(failure_of("\"a\"b\n"), HasSubstr("line 1: text after a closing quote"));
  EXPECT_THAT(failure_of("a\rb\n"), HasSubstr("a carriage return alone"));
}

}  // namespace
}  // namespace qreason
