// Text as it may stand in a page: whatever comes from outside is text there, never markup, and cannot hide.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace qreason {

// One line of text for an element or a quoted attribute: & < > " ' as references; control characters, bytes that are no
// UTF-8 and what turns the direction of writing written out (base/utf8.h).
std::string html(std::string_view text);

// The same for a text of several lines in <pre>.
std::string html_lines(std::string_view text);

// The same kinds of characters written out, but with line breaks and tabs as they are: a text of several lines for
// something that takes it as text (JSON below).
std::string shown_text(std::string_view text);

// JSON for a <script> element: no `<`, `>` or `&`, so that nothing in it ends the element or begins a comment. Strings
// are taken to be shown_text().
std::string script_json(const OrderedJson& json);

// A cell of a table: its text (not yet escaped), and the number by which it is sorted where that is not its text.
struct HtmlCell {
  std::string text;
  std::optional<double> key = std::nullopt;
  std::string_view style = {};  // a class of page.css
};
struct HtmlColumn {
  enum class Kind { kText, kNumber };
  std::string title;
  Kind kind = Kind::kNumber;
  std::string help = {};  // said on the title
};
// A table whose columns sort (page.js). The first column names its row.
struct HtmlTable {
  std::string caption;
  std::vector<HtmlColumn> columns;
  std::vector<std::vector<HtmlCell>> rows;

  std::string text() const;
};

// A number as a cell: "-" where it is not defined, last when sorted.
HtmlCell number_cell(const std::optional<double>& value, int decimals, std::string_view unit = {});

// <details> with a summary; `content` is HTML.
std::string html_details(std::string_view summary, std::string_view content);

}  // namespace qreason
