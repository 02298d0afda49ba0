#include "analysis/gnuplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "base/child_process.h"
#include "base/error.h"
#include "base/utf8.h"

namespace qreason {
namespace {

constexpr int kPanelWidth = 380, kPanelHeight = 290, kTitleHeight = 44;  // pixels; points of a PDF are as many
constexpr double kPdfInch = 96;                                          // of these
constexpr std::int64_t kMostRows = 64, kMostColumns = 128;               // of a surface as drawn
constexpr std::int64_t kMostMapCells = 512;                              // of a map, each way
constexpr std::size_t kMostSingleTicks = 16;
constexpr int kPngScale = 2;
constexpr std::chrono::seconds kLongest{600};
// Colours that people with any kind of sight tell apart (Okabe and Ito 2008), black first and yellow left out.
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"};
constexpr std::array kPoints{7, 5, 9, 13, 11, 15, 6};  // gnuplot's numbers of filled marks
// From dark blue over teal to yellow, as bright as large (viridis).
constexpr const char* kLegend = "set key below horizontal samplen 2";
constexpr const char* kPalette = "defined (0 '#440154', 0.25 '#3b528b', 0.5 '#21918c', 0.75 '#5ec962', 1 '#fde725')";

// In single quotes gnuplot executes and replaces nothing. What is no printable text is written out; quotes, and what
// means something to gnuplot elsewhere (backquotes, at signs), become letters that look like them.
std::string text_of(std::string_view text) {
  std::string out = "'";
  for (const char letter : escaped(text)) {
    if (letter == '\'')
      out += "\u2019";
    else if (letter == '`')
      out += "\u2018";
    else if (letter == '@')
      out += "\uff20";
    else
      out += letter;
  }
  return out + "'";
}

std::string number(float value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "NaN";
}

class Script {
 public:
  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Arguments>(arguments)...);
    text_ += '\n';
  }

  // A named block of numbers, rows of `columns`; the name.
  std::string data(std::span<const float> values, std::int64_t columns) {
    const std::string name = fmt::format("$data{}", blocks_++);
    line("{} << END", name);
    for (std::size_t i = 0; i < values.size(); ++i) {
      text_ += number(values[i]);
      text_ += (i + 1) % static_cast<std::size_t>(columns) == 0 ? '\n' : ' ';
    }
    line("END");
    return name;
  }

  std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int blocks_ = 0;
};

void set_axes(Script& script, std::string_view x, std::string_view y) {
  script.line("set xlabel {}", text_of(x));
  script.line("set ylabel {}", text_of(y));
}

void plot(Script& script, std::string_view command, const std::vector<std::string>& parts) {
  script.line("{} {}", command, fmt::join(parts, ", "));
}

void draw(const CurvesPanel& panel, const std::string& title, Script& script) {
  script.line("set title {}", text_of(title));
  set_axes(script, panel.x, panel.y);
  script.line("set grid");
  script.line("{}", kLegend);
  std::size_t longest = 0;
  for (const Curve& curve : panel.curves) longest = std::max(longest, curve.values.size());
  const auto last = static_cast<double>(panel.first) + static_cast<double>(longest) - 1;
  script.line("set xrange [{}:{}]", static_cast<double>(panel.first) - (longest < 2 ? 0.5 : 0),
              last + (longest < 2 ? 0.5 : 0));
  if (longest <= kMostSingleTicks) script.line("set xtics 1");
  if (panel.scale == CurvesPanel::Scale::kLogarithmic)
    script.line("set logscale y");
  else
    script.line("set yrange [0:*]");
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < panel.curves.size(); ++i) {
    const std::string style = panel.marks == CurvesPanel::Marks::kPoints
                                  ? fmt::format("linespoints pt {} ps 0.7", kPoints[i % kPoints.size()])
                                  : "lines";
    parts.push_back(fmt::format("{} using ($0+{}):1 with {} lw 1.2 lc rgb '{}' title {}",
                                script.data(panel.curves[i].values, 1), panel.first, style,
                                kColours[i % kColours.size()], text_of(panel.curves[i].name)));
  }
  plot(script, "plot", parts);
}

void draw(const PointsPanel& panel, const std::string& title, Script& script) {
  script.line("set title {}", text_of(title));
  script.line("unset xtics");
  script.line("unset ytics");
  script.line("{}", kLegend);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < panel.groups.size(); ++i)
    parts.push_back(fmt::format("{} using 1:2 with points pt {} ps 0.5 lc rgb '{}' title {}",
                                script.data(panel.groups[i].points, 2), kPoints[i % kPoints.size()],
                                kColours[i % kColours.size()], text_of(panel.groups[i].name)));
  plot(script, "plot", parts);
}

struct DrawnGrid {
  std::vector<float> values;
  std::int64_t rows = 0, columns = 0;
  std::int64_t row_step = 1, column_step = 1;  // cells of the panel that one of these stands for
};

DrawnGrid fitted(const GridPanel& panel) {
  const bool map = panel.drawn == GridPanel::Drawn::kMap;
  const auto step = [](std::int64_t count, std::int64_t most) { return (count + most - 1) / most; };
  DrawnGrid grid{.row_step = step(panel.rows, map ? kMostMapCells : kMostRows),
                 .column_step = step(panel.columns, map ? kMostMapCells : kMostColumns)};
  grid.rows = step(panel.rows, grid.row_step);
  grid.columns = step(panel.columns, grid.column_step);
  grid.values.assign(static_cast<std::size_t>(grid.rows * grid.columns), 0);
  for (std::int64_t r = 0; r < panel.rows; ++r) {
    for (std::int64_t c = 0; c < panel.columns; ++c) {
      float& cell = grid.values[static_cast<std::size_t>(r / grid.row_step * grid.columns + c / grid.column_step)];
      cell = std::max(cell, panel.values[static_cast<std::size_t>(r * panel.columns + c)]);
    }
  }
  return grid;
}

void draw(const GridPanel& panel, const std::string& title, Script& script) {
  const DrawnGrid grid = fitted(panel);
  const bool map = panel.drawn == GridPanel::Drawn::kMap;
  const std::string of = grid.row_step * grid.column_step == 1
                             ? ""
                             : fmt::format(" (maxima of {} x {} cells)", grid.row_step, grid.column_step);
  script.line("set title {}", text_of(title + of));
  set_axes(script, panel.column, panel.row);
  script.line("set palette {}", kPalette);
  if (map) {
    script.line("set xrange [{}:{}]", -0.5 * static_cast<double>(grid.column_step), panel.columns);
    script.line("set yrange [{}:{}]", panel.rows, -0.5 * static_cast<double>(grid.row_step));
    script.line("set cblabel {}", text_of(panel.value));
    script.line("unset key");
    script.line("plot {} matrix using ($1*{}):($2*{}):3 with image notitle", script.data(grid.values, grid.columns),
                grid.column_step, grid.row_step);
    return;
  }
  script.line("set zlabel {} rotate parallel offset 2,0", text_of(panel.value));
  script.line("set xrange [0:{}]", std::max<std::int64_t>(1, panel.columns - 1));
  script.line("set yrange [0:{}]", std::max<std::int64_t>(1, panel.rows - 1));
  script.line("set view 55,325,1,1.2");
  script.line("set xyplane 0");
  script.line("unset colorbox");
  script.line("set zrange [0:*]");
  script.line("set pm3d depthorder corners2color max");
  script.line("splot {} matrix using ($1*{}):($2*{}):3 with pm3d notitle", script.data(grid.values, grid.columns),
              grid.column_step, grid.row_step);
}

std::string terminal(PictureFormat format, int width, int height) {
  switch (format) {
    case PictureFormat::kPdf:
      return fmt::format("pdfcairo size {:.2f}in,{:.2f}in noenhanced font 'sans,9'", width / kPdfInch,
                         height / kPdfInch);
    case PictureFormat::kPng:
      return fmt::format(
          "pngcairo size {},{} noenhanced font 'sans,9' fontscale {} linewidth {} background rgb '#ffffff'",
          kPngScale * width, kPngScale * height, kPngScale, kPngScale);
    default:
      return fmt::format("svg size {},{} noenhanced font 'sans-serif,11' background rgb '#ffffff'", width, height);
  }
}

// Where each panel begins, in cells: left to right, a new row where the next does not fit.
std::vector<std::pair<std::int64_t, std::int64_t>> places(const FigureData& figure) {
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  std::int64_t row = 0, column = 0;
  for (const Panel& panel : figure.panels) {
    if (column > 0 && column + panel.span > figure.columns) {
      ++row;
      column = 0;
    }
    found.emplace_back(row, column);
    column += panel.span;
  }
  return found;
}

}  // namespace

PictureFormat picture_format(const std::filesystem::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".svg") return PictureFormat::kSvg;
  if (extension == ".pdf") return PictureFormat::kPdf;
  if (extension == ".png") return PictureFormat::kPng;
  throw Error::usage("--output", file.string(), "a name that ends in .svg, .pdf or .png");
}

std::filesystem::path require_gnuplot() {
  if (const auto program = find_program("gnuplot")) return *program;
  throw Error("gnuplot", "no such program in PATH",
              "gnuplot 5, which draws the figures (Debian: apt-get install gnuplot-nox)");
}

std::string gnuplot_script(const FigureData& figure, PictureFormat format) {
  if (figure.panels.empty()) throw Error("figure", "no panel", "at least one");
  const auto where = places(figure);
  const auto rows = static_cast<int>(where.back().first + 1), columns = static_cast<int>(figure.columns);
  const int width = columns * kPanelWidth, height = rows * kPanelHeight + kTitleHeight;
  Script script;
  script.line("set encoding utf8");
  script.line("set terminal {}", terminal(format, width, height));
  script.line("set multiplot");
  script.line("set label 1 {} at screen 0.5,{:.5f} center", text_of(figure.title), 1 - kTitleHeight / 2.0 / height);
  for (std::size_t i = 0; i < where.size(); ++i) {
    const Panel& panel = figure.panels[i];
    const double top = static_cast<double>(kTitleHeight + (where[i].first + 1) * kPanelHeight) / height;
    script.line("set origin {:.5f},{:.5f}", static_cast<double>(where[i].second) / columns, 1 - top);
    script.line("set size {:.5f},{:.5f}", static_cast<double>(panel.span) / columns,
                static_cast<double>(kPanelHeight) / height);
    std::visit([&](const auto& content) { draw(content, panel.title, script); }, panel.content);
    script.line("reset");
  }
  script.line("unset multiplot");
  return script.take();
}

std::string draw_figure(const FigureData& figure, PictureFormat format) {
  const std::filesystem::path program = require_gnuplot();
  // --default-settings: nobody's .gnuplot is read.
  const ProgramRun run =
      run_program({program.string(), "--default-settings", "-"}, gnuplot_script(figure, format), kLongest);
  if (run.exit_code == 0 && !run.output.empty()) return run.output;
  const std::size_t begin = run.messages.find_first_not_of(" \n");
  const std::string said = begin == std::string::npos ? "nothing" : run.messages.substr(begin);
  throw Error(program.string(), fmt::format("it ended with {} and said: {}", run.exit_code, said.substr(0, 300)),
              "a picture");
}

}  // namespace qreason
