#include "report/scatter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qreason {
namespace {

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Places beside each mark are tried in turn; a label without a free one is left out.
void place_labels(Svg& svg, const Frame& frame, const std::vector<ScatterPoint>& points, const std::vector<Point>& at) {
  std::vector<Box> taken;
  for (const Point& point : at) taken.push_back({point.x - 5, point.y - 5, point.x + 5, point.y + 5});
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double width = text_width(points[i].label);
    for (const auto& [dx, dy, anchor] :
         {std::tuple{8.0, 4.0, Anchor::kStart}, std::tuple{-8.0, 4.0, Anchor::kEnd},
          std::tuple{0.0, -9.0, Anchor::kMiddle}, std::tuple{0.0, 17.0, Anchor::kMiddle}}) {
      const Point place{at[i].x + dx, at[i].y + dy};
      const double left = anchor == Anchor::kStart ? place.x
                          : anchor == Anchor::kEnd ? place.x - width
                                                   : place.x - width / 2;
      const Box box{left, place.y - 11, left + width, place.y + 3};
      const bool inside =
          box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
      if (!inside || std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.meets(other); }))
        continue;
      svg.text(place, points[i].label, anchor, "small");
      taken.push_back(box);
      break;
    }
  }
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) result[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return result;
}

}  // namespace

std::vector<std::size_t> frontier(const std::vector<ScatterPoint>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return points[a].x != points[b].x ? points[a].x < points[b].x : points[a].y > points[b].y;
  });
  std::vector<std::size_t> best;
  for (const std::size_t i : order)
    if (best.empty() || points[i].y > points[best.back()].y) best.push_back(i);
  return best;
}

std::string draw_scatter(const std::vector<ScatterPoint>& points, const ScatterAxes& axes, const Layout& layout,
                         std::string_view label) {
  const double height = layout.narrow ? 320 : 420;
  const Frame frame{.left = 52, .top = 10, .right = layout.width - 14, .bottom = height - 46};
  Svg svg(layout.width, height, label);
  double low_x = points.front().x, high_x = low_x, low = points.front().y, high = low;
  for (const ScatterPoint& point : points) {
    low_x = std::min(low_x, point.x);
    high_x = std::max(high_x, point.x);
    low = std::min({low, point.y, point.ci95 ? point.ci95->low : point.y});
    high = std::max({high, point.y, point.ci95 ? point.ci95->high : point.y});
  }
  const Scale x = across(rounded_scale(axes.x_kind, low_x, high_x, layout.narrow ? 4 : 8), frame);
  const Scale y = up(rounded_scale(ScaleKind::kLinear, low, high, 6), frame);
  draw_x_axis(svg, frame, x, layout.narrow ? 4 : 8, axes.x);
  draw_y_axis(svg, frame, y, 6, axes.y);
  if (axes.frontier) {
    std::vector<Point> steps;
    for (const std::size_t i : frontier(points)) {
      if (!steps.empty()) steps.push_back({x.at(points[i].x), steps.back().y});
      steps.push_back({x.at(points[i].x), y.at(points[i].y)});
    }
    steps.push_back({frame.right, steps.back().y});
    svg.polyline(steps, "frontier");
  }
  for (const ScatterLine& line : axes.lines) {
    std::vector<Point> joined;
    for (const std::size_t i : line.points) joined.push_back({x.at(points[i].x), y.at(points[i].y)});
    if (joined.size() > 1) svg.polyline(joined, "series " + line.colour);
  }
  std::vector<Point> at;
  for (const ScatterPoint& point : points) {
    at.push_back({x.at(point.x), y.at(point.y)});
    if (point.ci95)
      svg.line({at.back().x, y.at(point.ci95->low)}, {at.back().x, y.at(point.ci95->high)}, "thin " + point.colour);
  }
  for (std::size_t i = 0; i < points.size(); ++i)
    svg.mark(points[i].mark, at[i], 4.5, points[i].classes, points[i].tip);
  if (!layout.narrow) place_labels(svg, frame, points, at);
  return std::move(svg).finish();
}

std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() < 3 || a.size() != b.size()) return std::nullopt;
  const std::vector<double> x = ranks(a), y = ranks(b);
  const double mean = static_cast<double>(a.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  if (xx == 0 || yy == 0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

}  // namespace qreason
