// What a figure shows, as numbers: panels that a writer draws (analysis/gnuplot.h) and that --json prints.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"

namespace qreason {

struct Curve {
  std::string name;
  std::vector<float> values;  // at x = first, first + 1, ...
};
struct CurvesPanel {
  std::string x, y;  // what the axes are, with units
  std::int64_t first = 0;
  enum class Scale { kLinear, kLogarithmic } scale = Scale::kLinear;
  enum class Marks { kNone, kPoints } marks = Marks::kNone;
  std::vector<Curve> curves{};
};

struct PointGroup {
  std::string name;
  std::vector<float> points;  // [count, 2]
};
struct PointsPanel {
  std::vector<PointGroup> groups;
};

struct GridPanel {
  enum class Drawn { kSurface, kMap } drawn = Drawn::kSurface;
  std::string row, column, value;
  std::int64_t rows = 0, columns = 0;
  std::vector<float> values;  // [rows, columns]
};

struct Panel {
  std::string title;
  std::int64_t span = 1;  // columns of the figure that it takes
  std::variant<CurvesPanel, PointsPanel, GridPanel> content;
  OrderedJson facts = OrderedJson::object();  // beside the numbers: which block, which site, ...
};

struct FigureData {
  std::string title;
  std::int64_t columns = 1;  // panels side by side
  std::vector<Panel> panels{};
  OrderedJson facts = OrderedJson::object();  // how it was computed
};

// {"title", facts, "panels": [{"title", facts, "drawn": "curves" | "points" | "surface" | "map", its numbers}]}
OrderedJson figure_json(const FigureData& figure);

}  // namespace qreason
