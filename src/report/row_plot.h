// The frame of plots with one line a method: names at the left, numbers at the right, one axis below. On a phone both
// stand above their line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/axes.h"

namespace qreason {

struct PlotLine {
  std::string name, numbers;
};

class RowPlot {
 public:
  // `label`: of the drawing; `axis`: the axis' title with its unit.
  RowPlot(const std::vector<PlotLine>& lines, const Scale& scale, const Layout& layout, std::string_view label,
          std::string_view axis, TickSigns signs = TickSigns::kShown);

  Svg& svg() { return svg_; }
  double x(double value) const { return scale_.at(value); }
  double y(std::size_t line) const;  // the middle of what is drawn there
  const Frame& frame() const { return frame_; }

 private:
  Layout layout_;
  double row_height_;
  Frame frame_;
  Svg svg_;
  Scale scale_;
};

}  // namespace qreason
