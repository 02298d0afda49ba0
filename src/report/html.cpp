#include "report/html.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "study/table_cells.h"

namespace qreason {

namespace {

std::string as_references(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

}  // namespace

std::string html(std::string_view text) {
  return as_references(escaped(text));
}

std::string html_lines(std::string_view text) {
  return as_references(shown_text(text));
}

std::string shown_text(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\n\t");
    result += escaped(text.substr(0, end));
    if (end == std::string_view::npos) break;
    result += text[end];
    text.remove_prefix(end + 1);
  }
  return result;
}

std::string script_json(const OrderedJson& json) {
  std::string result;
  for (const char c : json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace)) {
    if (c == '<' || c == '>' || c == '&')
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      result += c;
  }
  return result;
}

HtmlCell number_cell(const std::optional<double>& value, int decimals, std::string_view unit) {
  if (!value) return {kMissingCell};
  return {number_text(*value, decimals) + std::string(unit), value};
}

std::string html_details(std::string_view summary, std::string_view content) {
  return fmt::format("<details><summary>{}</summary>{}</details>\n", html(summary), content);
}

std::string HtmlTable::text() const {
  const auto type = [](const HtmlColumn& column) { return column.kind == HtmlColumn::Kind::kNumber ? "n" : "t"; };
  std::string result = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table "
      "class=\"sortable\"><caption>{0}</caption><thead><tr>",
      html(caption));
  for (const HtmlColumn& column : columns) {
    const std::string title = column.help.empty() ? "" : fmt::format(" title=\"{}\"", html(column.help));
    result += fmt::format("<th scope=\"col\" class=\"{}\"{}>{}</th>", type(column), title, html(column.title));
  }
  result += "</tr></thead><tbody>\n";
  for (const std::vector<HtmlCell>& row : rows) {
    result += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const HtmlCell& cell = row[i];
      const std::string key = cell.key ? fmt::format(" data-k=\"{}\"", *cell.key) : "";
      std::string classes = type(columns.at(i));
      if (!cell.style.empty()) classes += fmt::format(" {}", cell.style);
      result += fmt::format("<{0} class=\"{1}\"{2}>{3}</{4}>", i == 0 ? "th scope=\"row\"" : "td", classes, key,
                            html(cell.text), i == 0 ? "th" : "td");
    }
    result += "</tr>\n";
  }
  return result + "</tbody></table></div>\n";
}

}  // namespace qreason
