// Drawings of the report as files of their own.
#include "report/standalone_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "report/page_text.h"
#include "support/fixtures.h"
#include "support/report_folder.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSheet = R"(
:root { --card: #ffffff; --ink: #101010; --band: #00000080; --c0: #0000ff; --c1: #ff0000; }
@media (dark) { :root { --card: #000000; } .mark { fill: red; } }
body, .mark { margin: 0; }
svg text { font: 12px sans-serif; fill: var(--ink); }
svg text.small { font-size: 10px; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); }
svg .base { --c: var(--ink); }
.mark { fill: var(--c, var(--ink)); stroke: var(--card); }
.mark.base { fill: var(--ink); }
.band { fill: var(--band); }
.down1 { fill: color-mix(in srgb, var(--c1) 20%, var(--card)); } .down2 { fill: none; }
)";

// Mixed by hand: 255 of red; green and blue 0.8 * 255 = 204.
TEST(PlainStyle, HasNoMoreThanEditorsKnow) {
  EXPECT_EQ(plain_style(kSheet, R"(<text class="label"/><g class="mark c1"/><g class="band"/><g class="down1"/>)"),
            "svg text { font-size: 12px; font-family: sans-serif; fill: #101010; }\n"
            ".mark { fill: #101010; stroke: #ffffff; }\n"
            ".mark.c1 { fill: #ff0000; stroke: #ffffff; }\n"
            ".band { fill: #000000; fill-opacity: 0.502; }\n"
            ".down1 { fill: #ffcccc; }\n");
  EXPECT_EQ(plain_style(kSheet, R"(<g class="mark base"/>)"),
            "svg text { font-size: 12px; font-family: sans-serif; fill: #101010; }\n"
            ".mark { fill: #101010; stroke: #ffffff; }\n"
            ".mark.base { fill: #101010; stroke: #ffffff; }\n"
            ".mark.base { fill: #101010; }\n");
  EXPECT_THROW(plain_style("svg text { fill: red;", "<svg/>"), Error);
}

class StandaloneSvg : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* task : {"GSM8K", "MATH-500", "steps-easy"}) {
      write(testing::report_run("bf16", task, 42, "1111"));
      write(testing::report_run("gptq-w4g64", task, 42, "1110"));
      write(testing::report_run("rtn-w4g64", task, 42, "1010"));
    }
    data_ = read_report_data({.folder = folder_.path(), .baseline = {}});
  }
  void write(const ResultFile& file) { testing::write_report_run(folder_.path() / "results", file); }
  void keep(const std::string& svg) { write_file_atomic(folder_.path() / (std::to_string(kept_++) + ".svg"), svg); }
  void expect_well_formed() const {
    const auto result =
        testing::run_command("python3 -c 'import sys, xml.dom.minidom as m; [m.parse(f) for f in sys.argv[1:]]' '" +
                             folder_.path().string() + "'/*.svg");
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  }
  testing::ScratchFolder folder_;
  ReportData data_;
  int kept_ = 0;
};

TEST_F(StandaloneSvg, OfEveryPlotIsWhole) {
  for (const Plot& plot : plot_table()) {
    for (const Figure& figure : plot.figures(data_)) {
      SCOPED_TRACE(figure.title);
      const std::string svg = standalone_svg(figure);
      EXPECT_THAT(svg, HasSubstr("xmlns=\"http://www.w3.org/2000/svg\""));
      EXPECT_THAT(svg, Not(HasSubstr("var(")));
      EXPECT_THAT(svg, Not(HasSubstr("color-mix")));
      EXPECT_THAT(svg, Not(HasSubstr("--c")));
      for (const LegendEntry& entry : figure.legend) EXPECT_THAT(svg, HasSubstr(html(entry.name)));
      keep(svg);
    }
  }
  EXPECT_GT(kept_, 5);
  expect_well_formed();
}

TEST_F(StandaloneSvg, TakesNamesForText) {
  Figure figure = flip_figures(data_).front();
  figure.title = "<script>&\"'\x01";
  figure.legend = {{.name = "</svg>", .classes = "mark c0"}};
  figure.note = std::string(400, 'x') + " and words " + std::string(150, 'y') + " ]]> end";
  const std::string svg = standalone_svg(figure);
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(svg, HasSubstr("]]&gt; end"));
  keep(svg);
  expect_well_formed();
}

}  // namespace
}  // namespace qreason
