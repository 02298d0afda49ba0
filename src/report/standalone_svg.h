// A drawing of the report as a file of its own.
#pragma once

#include <string>
#include <string_view>

#include "report/plot.h"

namespace qreason {

// The wide drawing of a figure with its title, legend and note, as an SVG document. The colours of the light page are
// in it, without what only browsers know of style sheets (variables, mixed colours), so that editors and converters
// draw it.
std::string standalone_svg(const Figure& figure);

// The rules of a style sheet that concern drawings, for these classes, in that plain form. `sheet` is page.css:
// variables are those of its first `:root`; rules with the series' colour `--c` are written once for each series that
// is used.
std::string plain_style(std::string_view sheet, std::string_view drawing);

}  // namespace qreason
