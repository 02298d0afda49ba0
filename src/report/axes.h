// What the plots share: the frame, its axes with their units, the list of series.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/scale.h"
#include "report/svg.h"

namespace qreason {

// Every plot is drawn twice: for a page as wide as a screen, and for a phone.
struct Layout {
  double width = 0;
  bool narrow = false;
};
inline constexpr Layout kWide{.width = 920};
inline constexpr Layout kNarrow{.width = 340, .narrow = true};

struct Frame {
  double left = 0, top = 0, right = 0, bottom = 0;
  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

// Ticks, lines across the frame and a title with its unit ("accuracy (%)"). The scale's pixels are the frame's.
enum class TickSigns { kShown, kHidden };  // kHidden: lengths to either side of zero
void draw_x_axis(Svg& svg, const Frame& frame, const Scale& scale, int count, std::string_view title,
                 TickSigns signs = TickSigns::kShown);
void draw_y_axis(Svg& svg, const Frame& frame, const Scale& scale, int count, std::string_view title);

Scale across(Scale scale, const Frame& frame);  // from left to right
Scale up(Scale scale, const Frame& frame);      // from the bottom to the top

struct LegendEntry {
  std::string name;
  std::string classes;  // of its mark
  Mark mark = Mark::kCircle;
};
std::string legend_html(const std::vector<LegendEntry>& entries);

}  // namespace qreason
