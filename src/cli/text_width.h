// How many columns of a terminal a text takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qreason {

// East Asian wide and full-width characters and emoji take two columns, combining marks none (Unicode Standard Annex
// 11), all others one; a byte that is not UTF-8 takes one.
std::size_t display_width(std::string_view text);

// `text`, or as much of its beginning as fits `columns` with an ellipsis after it.
std::string cut_to_width(std::string_view text, std::size_t columns);

// The same, cutting in the middle: the beginning and the end of a path or name both tell something.
std::string shorten_middle(std::string_view text, std::size_t columns);

// Breaks at spaces so that no line takes more than `columns` where its words allow; lines after the first stand
// `indent` more spaces to the right. Ends without a newline.
std::string wrap_text(std::string_view text, std::size_t columns, std::size_t indent);

}  // namespace qreason
