// A plot of the report. To add one: a file in plots/, a row in plot_table.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/axes.h"
#include "report/html.h"
#include "report/report_data.h"
#include "study/row_pairs.h"

namespace qreason {

// One drawing of a plot, with the numbers that it is made of.
struct Figure {
  // What it is of, where a plot has several: {"model", ...}, {"task", ...}. The page shows one at a time.
  std::vector<std::pair<std::string, std::string>> choice;
  std::string title;
  std::string wide, narrow;  // SVG
  std::vector<LegendEntry> legend;
  std::string note = {};  // what is not shown, and why
  HtmlTable numbers;
};

// The figure of a content that is drawn for both layouts: draw(content, layout, title), numbers_of(content, title).
template <class Content, class Draw, class Numbers>
Figure figure_of_content(std::vector<std::pair<std::string, std::string>> choice, const std::string& title,
                         const Content& content, const Draw& draw, const Numbers& numbers_of) {
  return {.choice = std::move(choice),
          .title = title,
          .wide = draw(content, kWide, title),
          .narrow = draw(content, kNarrow, title),
          .legend = {},
          .note = {},
          .numbers = numbers_of(content, title)};
}

struct Plot {
  std::string_view id;     // of its place in the page
  std::string_view title;  // what it shows
  std::string_view how;    // how it is read, in a sentence or two
  // No figure: the results hold nothing for it, and the page leaves it out.
  std::vector<Figure> (*figures)(const ReportData& data);
};
std::span<const Plot> plot_table();

// Of plots/, a file each.
std::vector<Figure> bits_figures(const ReportData& data);
std::vector<Figure> forest_figures(const ReportData& data);
std::vector<Figure> cost_figures(const ReportData& data);
std::vector<Figure> scaling_figures(const ReportData& data);
std::vector<Figure> equal_size_figures(const ReportData& data);
std::vector<Figure> thinking_figures(const ReportData& data);
std::vector<Figure> several_figures(const ReportData& data);
std::vector<Figure> heat_figures(const ReportData& data);
std::vector<Figure> radar_figures(const ReportData& data);
std::vector<Figure> flip_figures(const ReportData& data);
std::vector<Figure> length_figures(const ReportData& data);
std::vector<Figure> measure_figures(const ReportData& data);

// What plots share.
// The cell of a row; nullptr where the task was not run.
const TableCell* cell_of(const ReportRow& row, const std::string& task);
// "gptq-w4g64: 77.6 % (71.2 to 83.9)"
std::string accuracy_tip(const ReportRow& row, const TableCell& cell);
// The unquantized row that a model's other rows are compared with; nullptr where there is none.
const ReportRow* baseline_of(const ReportData& data, const std::string& model);
// The tasks of the table with the main one first.
std::vector<std::string> tasks_by_weight(const ReportData& data);
// Of a pair of rows: difference in points, its interval, p, Holm's p, problems to find it.
void add_pair_cells(std::vector<HtmlCell>& cells, const RowPair& pair);
// "c3": colour and mark of a method's family, and of a model.
LegendEntry family_entry(const ReportRow& row);
LegendEntry model_entry(const ReportData& data, const ReportRow& row);

}  // namespace qreason
