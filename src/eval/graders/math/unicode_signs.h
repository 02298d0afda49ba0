// Characters beyond ASCII that stand for something that LaTeX writes otherwise.
#pragma once

#include <string>
#include <string_view>

namespace qreason::math {

// The text with each such character as the LaTeX that it stands for: "2×10⁻³" is "2\times 10^{-3}", "½" is "\frac12",
// full-width and mathematical letters are plain ones. Other characters stay.
std::string in_latex(std::string_view text);

}  // namespace qreason::math
