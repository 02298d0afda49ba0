// Hostile text on a page: it stays text. Expected strings are written out by hand from the HTML standard.
#include "report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qreason {
namespace {
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, WritesMarkupAsText) {
  EXPECT_EQ(html("</script><b onclick='x'>\"&amp;"), "&lt;/script&gt;&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;amp;");
}

TEST(Html, WritesOutWhatCannotBeSeen) {
  EXPECT_EQ(html(std::string("a\0b\x1b[31m\r\n\t", 11)), "a\\x00b\\x1b[31m\\r\\n\\t");
  EXPECT_EQ(html("x\u202Eevil\u2066"), "x\\u{202e}evil\\u{2066}");
  EXPECT_EQ(html("\xff\xc3("), "\\xff\\xc3(");
  EXPECT_EQ(html("π ≈ 3"), "π ≈ 3");
}

TEST(Html, KeepsLinesOfTexts) {
  EXPECT_EQ(shown_text("one\n\ttwo\r\x01 <b>\n"), "one\n\ttwo\\r\\x01 <b>\n");
  EXPECT_EQ(html_lines("a <\n b"), "a &lt;\n b");
  EXPECT_EQ(shown_text(""), "");
  EXPECT_EQ(shown_text("\n"), "\n");
}

TEST(Html, JsonForAScriptHoldsNoMarkup) {
  const std::string text = script_json({{"a", "</script><!-- & ]]>"}, {"b", 1.5}});
  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_THAT(text, Not(HasSubstr(">")));
  EXPECT_THAT(text, Not(HasSubstr("&")));
  EXPECT_EQ(parse_json(text, "page")["a"], "</script><!-- & ]]>");
}

TEST(Html, TablesNameTheirRowsAndSortByTheirNumbers) {
  const HtmlTable table{
      .caption = "A <caption>",
      .columns = {{"Method", HtmlColumn::Kind::kText}, {"accuracy", HtmlColumn::Kind::kNumber, "of all"}},
      .rows = {{{"<rtn>"}, number_cell(71.25, 1, " %")}, {{"none"}, number_cell(std::nullopt, 1)}}};
  const std::string text = table.text();
  EXPECT_THAT(text, HasSubstr("<caption>A &lt;caption&gt;</caption>"));
  EXPECT_THAT(text, HasSubstr("<th scope=\"col\" class=\"n\" title=\"of all\">accuracy</th>"));
  EXPECT_THAT(text,
              HasSubstr("<th scope=\"row\" class=\"t\">&lt;rtn&gt;</th><td class=\"n\" data-k=\"71.25\">71.2 %</td>"));
  EXPECT_THAT(text, HasSubstr("<td class=\"n\">-</td>"));
}

}  // namespace
}  // namespace qreason
