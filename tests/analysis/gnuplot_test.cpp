// What goes to gnuplot, and the pictures that come back.
#include "analysis/gnuplot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

#define QREASON_REQUIRE_GNUPLOT() \
  if (!find_program("gnuplot")) GTEST_SKIP() << "gnuplot is absent: apt-get install gnuplot-nox"

FigureData every_kind(const std::string& name) {
  FigureData figure{.title = name, .columns = 2};
  CurvesPanel curves{.x = name, .y = name};
  curves.marks = CurvesPanel::Marks::kPoints;
  curves.curves = {{.name = name, .values = {1, 2, 0.5f}}, {.name = "other", .values = {3, 4}}};
  figure.panels.push_back({.title = name, .span = 2, .content = curves});
  figure.panels.push_back({.title = name, .content = PointsPanel{.groups = {{.name = name, .points = {0, 1, 2, 3}}}}});
  GridPanel grid{.row = name, .column = name, .value = name, .rows = 2, .columns = 3, .values = {1, 2, 3, 4, 5, 6}};
  figure.panels.push_back({.title = name, .content = grid});
  grid.drawn = GridPanel::Drawn::kMap;
  figure.panels.push_back({.title = name, .content = grid});
  return figure;
}

TEST(Gnuplot, DrawsEveryKindInEveryFormat) {
  QREASON_REQUIRE_GNUPLOT();
  const FigureData figure = every_kind("a title");
  const std::string svg = draw_figure(figure, PictureFormat::kSvg);
  EXPECT_THAT(svg, StartsWith("<?xml"));
  EXPECT_THAT(svg, HasSubstr("a title"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_EQ(draw_figure(figure, PictureFormat::kSvg), svg);
  EXPECT_THAT(draw_figure(figure, PictureFormat::kPdf), StartsWith("%PDF-"));
  EXPECT_THAT(draw_figure(figure, PictureFormat::kPng), StartsWith("\x89PNG"));
}

// Names are of files and models of others; gnuplot has backquotes, system(), macros, comments and line continuations.
TEST(Gnuplot, NeitherExecutesNorMarksUpNames) {
  QREASON_REQUIRE_GNUPLOT();
  const testing::ScratchFolder folder;
  const std::string file = (folder.path() / "made").string();
  for (const std::string& name : std::vector<std::string>{
           "`touch " + file + "`", "'; system('touch " + file + "'); '", "''.system('touch " + file + "').''",
           "\"; !touch " + file + "\n!touch " + file + "\n", "@x ` ' \" \\", "ends in a backslash\\",
           "a\nEND\nsystem 'touch " + file + "'", std::string("zero\0byte \xff", 11)}) {
    SCOPED_TRACE(name);
    const std::string svg = draw_figure(every_kind(name), PictureFormat::kSvg);
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_FALSE(std::filesystem::exists(file));
  }
  EXPECT_THAT(draw_figure(every_kind("a_b^{c} <i> & it's 100%d"), PictureFormat::kSvg),
              HasSubstr("a_b^{c} &lt;i> &amp; it\u2019s 100%d"));
}

TEST(Gnuplot, DrawsMaximaOfGridsThatAreTooFine) {
  GridPanel grid{.row = "token", .column = "channel", .value = "v", .rows = 65, .columns = 129};
  grid.values.assign(65 * 129, 1);
  grid.values[3 * 129 + 1] = 77;  // in the cell (1, 0) of 33 x 65
  const std::string script =
      gnuplot_script({.title = "t", .panels = {{.title = "p", .content = grid}}}, PictureFormat::kSvg);
  EXPECT_THAT(script, HasSubstr("'p (maxima of 2 x 2 cells)'"));
  const std::size_t begin = script.find("<< END\n") + 7;
  const std::string second = script.substr(script.find('\n', begin) + 1, 6);
  EXPECT_EQ(second, "77 1 1");
}

TEST(Gnuplot, FormatsAreByExtension) {
  EXPECT_EQ(picture_format("a/b.svg"), PictureFormat::kSvg);
  EXPECT_EQ(picture_format("b.pdf"), PictureFormat::kPdf);
  EXPECT_EQ(picture_format("b.c.png"), PictureFormat::kPng);
  EXPECT_THROW(picture_format("picture"), Error);
  EXPECT_THROW(picture_format("picture.jpg"), Error);
}

TEST(Gnuplot, SaysWhatItSaidWhenItFails) {
  QREASON_REQUIRE_GNUPLOT();
  FigureData figure = every_kind("t");
  figure.columns = 100000;  // wider than any picture
  try {
    draw_figure(figure, PictureFormat::kPng);
    FAIL() << "a picture 38 million pixels wide";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("gnuplot: it ended with"));
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace qreason
