#include "report/standalone_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "report/page_text.h"

namespace qreason {
namespace {

constexpr double kMargin = 16, kLine = 20;

struct Size {
  double width = 0, height = 0;
};

constexpr std::string_view kOpening = "<svg viewBox=\"0 0 ";

Size size_of(const std::string& drawing) {
  if (!drawing.starts_with(kOpening)) throw Error("drawing", "no viewBox", "an SVG of ours");
  char* end = nullptr;
  const double width = std::strtod(drawing.c_str() + kOpening.size(), &end);
  return {.width = width, .height = std::strtod(end, nullptr)};
}

// Draws at the top of `svg`, returns where the next line begins.
double draw_legend(const std::vector<LegendEntry>& entries, double width, double y, Svg& svg) {
  double x = kMargin;
  for (const LegendEntry& entry : entries) {
    const double wide = text_width(entry.name) + 34;
    if (x > kMargin && x + wide > width) {
      x = kMargin;
      y += kLine;
    }
    svg.mark(entry.mark, {x + 6, y}, 4.5, entry.classes);
    svg.text({x + 16, y + 4}, entry.name, Anchor::kStart);
    x += wide;
  }
  return entries.empty() ? y : y + kLine;
}

// Broken at spaces where it is wider.
double draw_note(const std::string& note, double width, double y, Svg& svg) {
  std::string_view rest = note;
  while (!rest.empty()) {
    std::size_t end = rest.size();
    while (text_width(rest.substr(0, end)) > width - 2 * kMargin) {
      const std::size_t space = rest.rfind(' ', end - 1);
      if (space == std::string_view::npos || space == 0) break;
      end = space;
    }
    svg.text({kMargin, y}, rest.substr(0, end), Anchor::kStart, "tick");
    rest.remove_prefix(std::min(end + 1, rest.size()));
    y += kLine;
  }
  return y;
}

}  // namespace

std::string standalone_svg(const Figure& figure) {
  const Size size = size_of(figure.wide);
  const double width = size.width + 2 * kMargin;
  Svg frame(width, 0, figure.title);
  frame.text({kMargin, 26}, figure.title, Anchor::kStart, "panel");
  const double top = draw_legend(figure.legend, width, 48, frame);
  const double bottom = draw_note(figure.note, width, top + size.height + kLine, frame);
  std::string around = std::move(frame).finish();
  // What was drawn around it, without the element itself.
  around = around.substr(around.find('\n') + 1);
  around.resize(around.rfind("</svg>"));
  std::string inner = figure.wide;
  inner.insert(5, fmt::format("x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" ", kMargin, top, size.width,
                              size.height));
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\">\n<style>\nsvg {{ overflow: visible; }}\n{2}</style>\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n{3}{4}</svg>\n",
      width, bottom, plain_style(page_style(), around + inner), around, inner);
}

}  // namespace qreason
