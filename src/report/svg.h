// A drawing as inline SVG. Colours are classes of page.css (a palette that is told apart by people who see few colours,
// with variants for a dark page), so a drawing holds none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct Point {
  double x = 0, y = 0;  // pixels from the upper left
};

inline constexpr std::size_t kSeriesColours = 8;
// "c0" to "c7": the colour of a series in page.css.
std::string series_colour(std::size_t series);

// Marks differ in shape as well as in colour.
enum class Mark { kCircle, kSquare, kTriangle, kDiamond, kDownTriangle, kCross, kStar };
Mark series_mark(std::size_t series);

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  // `label` is what a reader who does not see the drawing is told.
  Svg(double width, double height, std::string_view label);

  // `classes` are those of page.css.
  void line(Point from, Point to, std::string_view classes);
  void polyline(const std::vector<Point>& points, std::string_view classes);
  void polygon(const std::vector<Point>& points, std::string_view classes);
  void rect(Point corner, double width, double height, std::string_view classes, std::string_view tip = {});
  void text(Point at, std::string_view text, Anchor anchor, std::string_view classes = "label");
  // Turned a quarter to the left around `at`.
  void upright_text(Point at, std::string_view text, std::string_view classes = "label");
  // `tip` is shown by the pointer; may be empty.
  void mark(Mark mark, Point at, double radius, std::string_view classes, std::string_view tip = {});

  std::string finish() &&;

 private:
  void tipped(std::string element, std::string_view tip);
  std::string out_;
};

// Pixels that a text of the label size takes, about: for room, not for typesetting.
double text_width(std::string_view text);
// The text, or its beginning with an ellipsis where it is wider than `width`.
std::string fitted(std::string_view text, double width);

}  // namespace qreason
