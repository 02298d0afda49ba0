// The style sheet and the script of the page, compiled in (page.css, page.js).
#pragma once

#include <string_view>

namespace qreason {

std::string_view page_style();
std::string_view page_script();

}  // namespace qreason
