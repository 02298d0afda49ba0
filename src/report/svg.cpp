#include "report/svg.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

#include "base/utf8.h"
#include "report/html.h"

namespace qreason {
namespace {

constexpr double kCharacterWidth = 6.5;  // of a 12 pixel sans-serif, on the average and a little more

std::string list_of(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) text += fmt::format("{}{:.1f},{:.1f}", text.empty() ? "" : " ", point.x, point.y);
  return text;
}

// Corners around the middle, `first` degrees from the right, clockwise.
std::vector<Point> corners(Point middle, double radius, int count, double first) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    const double angle = (first + 360.0 * i / count) * std::numbers::pi / 180;
    points.push_back({middle.x + radius * std::cos(angle), middle.y + radius * std::sin(angle)});
  }
  return points;
}

std::vector<Point> star(Point middle, double radius) {
  std::vector<Point> points;
  for (int i = 0; i < 10; ++i) {
    const double angle = (-90 + 36.0 * i) * std::numbers::pi / 180;
    const double r = i % 2 == 0 ? radius : radius * 0.45;
    points.push_back({middle.x + r * std::cos(angle), middle.y + r * std::sin(angle)});
  }
  return points;
}

std::vector<Point> cross(Point m, double radius) {
  const double a = radius, b = radius * 0.36;
  return {{m.x - b, m.y - a}, {m.x + b, m.y - a}, {m.x + b, m.y - b}, {m.x + a, m.y - b},
          {m.x + a, m.y + b}, {m.x + b, m.y + b}, {m.x + b, m.y + a}, {m.x - b, m.y + a},
          {m.x - b, m.y + b}, {m.x - a, m.y + b}, {m.x - a, m.y - b}, {m.x - b, m.y - b}};
}

std::vector<Point> outline(Mark mark, Point at, double radius) {
  switch (mark) {
    case Mark::kCircle:
      break;
    case Mark::kSquare:
      return corners(at, radius * 1.2, 4, 45);
    case Mark::kTriangle:
      return corners(at, radius * 1.25, 3, -90);
    case Mark::kDiamond:
      return corners(at, radius * 1.25, 4, 0);
    case Mark::kDownTriangle:
      return corners(at, radius * 1.25, 3, 90);
    case Mark::kCross:
      return cross(at, radius);
    case Mark::kStar:
      return star(at, radius * 1.35);
  }
  return {};
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace

std::string series_colour(std::size_t series) {
  return fmt::format("c{}", series % kSeriesColours);
}

Mark series_mark(std::size_t series) {
  constexpr std::array kMarks{Mark::kCircle,       Mark::kSquare, Mark::kTriangle, Mark::kDiamond,
                              Mark::kDownTriangle, Mark::kCross,  Mark::kStar};
  return kMarks[series % kMarks.size()];
}

Svg::Svg(double width, double height, std::string_view label)
    : out_(fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n", width, height,
                       html(label))) {}

void Svg::line(Point from, Point to, std::string_view classes) {
  out_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", from.x, from.y,
                      to.x, to.y, classes);
}

void Svg::polyline(const std::vector<Point>& points, std::string_view classes) {
  out_ += fmt::format("<polyline points=\"{}\" class=\"{}\"/>\n", list_of(points), classes);
}

void Svg::polygon(const std::vector<Point>& points, std::string_view classes) {
  out_ += fmt::format("<polygon points=\"{}\" class=\"{}\"/>\n", list_of(points), classes);
}

void Svg::tipped(std::string element, std::string_view tip) {
  out_ += tip.empty() ? element + "\n" : fmt::format("<g>{}<title>{}</title></g>\n", element, html(tip));
}

void Svg::rect(Point corner, double width, double height, std::string_view classes, std::string_view tip) {
  tipped(fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>", corner.x,
                     corner.y, width, height, classes),
         tip);
}

void Svg::text(Point at, std::string_view text, Anchor anchor, std::string_view classes) {
  constexpr std::array kAnchors{"start", "middle", "end"};
  out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", at.x, at.y,
                      kAnchors.at(static_cast<std::size_t>(anchor)), classes, html(text));
}

void Svg::upright_text(Point at, std::string_view text, std::string_view classes) {
  out_ += fmt::format(
      "<text x=\"{0:.1f}\" y=\"{1:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 {0:.1f} {1:.1f})\" "
      "class=\"{2}\">{3}</text>\n",
      at.x, at.y, classes, html(text));
}

void Svg::mark(Mark mark, Point at, double radius, std::string_view classes, std::string_view tip) {
  if (mark == Mark::kCircle)
    return tipped(
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"/>", at.x, at.y, radius, classes),
        tip);
  tipped(fmt::format("<polygon points=\"{}\" class=\"{}\"/>", list_of(outline(mark, at, radius)), classes), tip);
}

std::string Svg::finish() && {
  return std::move(out_) + "</svg>\n";
}

double text_width(std::string_view text) {
  return kCharacterWidth * static_cast<double>(characters(text));
}

std::string fitted(std::string_view text, double width) {
  if (text_width(text) <= width) return std::string(text);
  std::string result;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(1, utf8_character_length(text));
    if (text_width(result) + 2 * kCharacterWidth > width) break;
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result + "…";
}

}  // namespace qreason
