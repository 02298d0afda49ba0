// Points of rows over a number: accuracy against length, size, divergence.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/axes.h"
#include "study/interval.h"

namespace qreason {

struct ScatterPoint {
  double x = 0, y = 0;
  std::optional<Interval> ci95 = std::nullopt;  // of y
  std::string label, tip;
  std::string classes;  // of the mark: "mark c1"
  Mark mark = Mark::kCircle;
  std::string colour;  // "c1"
};

// What no point has more of y for less of x: its points from the left, as indices. Of equal ones the first.
std::vector<std::size_t> frontier(const std::vector<ScatterPoint>& points);

// Points joined in this order, as indices.
struct ScatterLine {
  std::vector<std::size_t> points;
  std::string colour;  // "c1"
};

struct ScatterAxes {
  std::string_view x, y;  // titles with units
  ScaleKind x_kind = ScaleKind::kLinear;
  bool frontier = false;  // drawn as steps
  std::vector<ScatterLine> lines = {};
};
// Labels stand where they cover neither marks nor one another; the others are told by the pointer and the table.
std::string draw_scatter(const std::vector<ScatterPoint>& points, const ScatterAxes& axes, const Layout& layout,
                         std::string_view label);

// Spearman's rank correlation (ties share their mean rank); nullopt for fewer than three points or a constant.
std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace qreason
