#include "report/axes.h"

#include <fmt/format.h>

#include "report/html.h"

namespace qreason {

void draw_x_axis(Svg& svg, const Frame& frame, const Scale& scale, int count, std::string_view title, TickSigns signs) {
  for (const Tick& tick : ticks(scale, count)) {
    const double x = scale.at(tick.value);
    const bool bare = signs == TickSigns::kHidden && tick.text.starts_with('-');
    svg.line({x, frame.top}, {x, frame.bottom}, "grid");
    svg.text({x, frame.bottom + 16}, bare ? tick.text.substr(1) : tick.text, Anchor::kMiddle, "tick");
  }
  svg.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, "axis");
  svg.text({(frame.left + frame.right) / 2, frame.bottom + 34}, title, Anchor::kMiddle);
}

void draw_y_axis(Svg& svg, const Frame& frame, const Scale& scale, int count, std::string_view title) {
  for (const Tick& tick : ticks(scale, count)) {
    const double y = scale.at(tick.value);
    svg.line({frame.left, y}, {frame.right, y}, "grid");
    svg.text({frame.left - 6, y + 4}, tick.text, Anchor::kEnd, "tick");
  }
  svg.upright_text({frame.left - 36, (frame.top + frame.bottom) / 2}, title);
}

Scale across(Scale scale, const Frame& frame) {
  scale.begin = frame.left;
  scale.end = frame.right;
  return scale;
}

Scale up(Scale scale, const Frame& frame) {
  scale.begin = frame.bottom;
  scale.end = frame.top;
  return scale;
}

std::string legend_html(const std::vector<LegendEntry>& entries) {
  std::string text = "<ul class=\"legend\">";
  for (const LegendEntry& entry : entries) {
    Svg svg(14, 14, entry.name);
    svg.mark(entry.mark, {7, 7}, 4.5, entry.classes);
    std::string drawing = std::move(svg).finish();
    // The name stands beside it.
    const std::string label = fmt::format("role=\"img\" aria-label=\"{}\"", html(entry.name));
    drawing.replace(drawing.find(label), label.size(), "aria-hidden=\"true\"");
    text += fmt::format("<li>{}{}</li>", drawing, html(entry.name));
  }
  return text + "</ul>\n";
}

}  // namespace qreason
