#include "report/row_plot.h"

#include <algorithm>

namespace qreason {
namespace {

constexpr double kTop = 10, kFoot = 46, kMostNames = 220;

double widest(const std::vector<PlotLine>& lines, std::string PlotLine::*member) {
  double width = 0;
  for (const PlotLine& line : lines) width = std::max(width, text_width(line.*member));
  return width;
}

}  // namespace

RowPlot::RowPlot(const std::vector<PlotLine>& lines, const Scale& scale, const Layout& layout, std::string_view label,
                 std::string_view axis, TickSigns signs)
    : layout_(layout),
      row_height_(layout.narrow ? 34 : 22),
      frame_{.left = layout.narrow ? 12 : std::min(widest(lines, &PlotLine::name) + 14, kMostNames),
             .top = kTop,
             .right = layout.width - (layout.narrow ? 12 : widest(lines, &PlotLine::numbers) + 16),
             .bottom = kTop + row_height_ * static_cast<double>(lines.size())},
      svg_(layout.width, frame_.bottom + kFoot, label),
      scale_(across(scale, frame_)) {
  draw_x_axis(svg_, frame_, scale_, layout.narrow ? 5 : 8, axis, signs);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [name, numbers] = lines[i];
    if (layout.narrow) {
      const double top = frame_.top + row_height_ * static_cast<double>(i) + 13;
      svg_.text({frame_.left, top}, fitted(name, frame_.width() - text_width(numbers) - 8), Anchor::kStart);
      svg_.text({frame_.right, top}, numbers, Anchor::kEnd, "tick");
    } else {
      svg_.text({frame_.left - 10, y(i) + 4}, fitted(name, kMostNames - 10), Anchor::kEnd);
      svg_.text({layout.width - 4, y(i) + 4}, numbers, Anchor::kEnd, "tick");
    }
  }
}

double RowPlot::y(std::size_t line) const {
  const double top = frame_.top + row_height_ * static_cast<double>(line);
  return top + (layout_.narrow ? row_height_ - 9 : row_height_ / 2);
}

}  // namespace qreason
