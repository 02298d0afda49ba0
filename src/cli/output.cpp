#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "cli/text_width.h"

namespace qreason {
namespace {

std::vector<std::string> cells_of_row(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 2;
  for (std::size_t end; (end = line.find(" |", begin)) != std::string::npos; begin = std::min(end + 3, line.size()))
    cells.push_back(line.substr(begin, end - begin));
  return cells;
}

bool is_rule(const std::string& cell) {
  return cell == ":--" || cell == "--:";
}

// Rows of one Markdown table: titles, rules, then the others.
std::string aligned_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  const auto to_the_right = [&](std::size_t column) {
    return rows.size() > 1 && column < rows[1].size() && rows[1][column] == "--:";
  };
  std::string text;
  for (const auto& row : rows) {
    std::string line = "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - display_width(row[i]), is_rule(row[i]) ? '-' : ' ');
      const bool left = is_rule(row[i]) ? row[i] == ":--" : !to_the_right(i);
      line += " " + (left ? row[i] + space : space + row[i]) + " |";
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string aligned_tables(const std::string& markdown) {
  std::string text;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t begin = 0; begin < markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', begin), markdown.size());
    const std::string line = markdown.substr(begin, end - begin);
    begin = end + 1;
    if (line.starts_with("| ")) {
      rows.push_back(cells_of_row(line));
      continue;
    }
    text += aligned_table(rows) + line + "\n";
    rows.clear();
  }
  return text + aligned_table(rows);
}

void TextTable::add_row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> TextTable::fitted_widths(std::size_t limit) const {
  constexpr std::size_t kGap = 2, kNarrowest = 12;
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t width = display_width(columns_[column].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[column]));
    widths.push_back(width);
    total += width + (column > 0 ? kGap : 0);
  }
  while (total > limit) {
    std::size_t* widest = nullptr;
    for (std::size_t column = 0; column < columns_.size(); ++column)
      if (columns_[column].align == Align::kLeft && (widest == nullptr || widths[column] > *widest))
        widest = &widths[column];
    if (widest == nullptr || *widest <= kNarrowest) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string TextTable::text(std::size_t columns) const {
  const std::vector<std::size_t> widths = fitted_widths(columns);
  std::string text;
  const auto write = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const std::string cell = shorten_middle(cell_of(column), widths[column]);
      const std::string space(widths[column] - display_width(cell), ' ');
      if (column > 0) line += "  ";
      line += columns_[column].align == Align::kRight ? space + cell : cell + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  write([&](std::size_t column) { return columns_[column].title; });
  for (const auto& row : rows_) write([&](std::size_t column) { return row[column]; });
  return text;
}

void print_json(const OrderedJson& object) {
  fmt::print("{}\n", object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

std::string count_text(std::int64_t count) {
  const auto amount = static_cast<double>(count);
  if (amount >= 1e9) return fmt::format("{:.2f} B", amount / 1e9);
  if (amount >= 1e6) return fmt::format("{:.1f} M", amount / 1e6);
  return fmt::format("{}", count);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string named_line(std::string_view name, std::size_t width, std::string_view value) {
  return fmt::format("{:<{}}{}\n", name, width, wrap_text(printable(value), kTextColumns - width, width));
}

std::string printable(std::string_view text) {
  return escaped(text);
}

std::string one_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::string line;
  for (const char c : text) {
    const bool blank = c == '\n' || c == '\r' || c == '\t';
    if (!blank || !line.ends_with(' ')) line += blank ? ' ' : c;
  }
  return escaped(line);
}

}  // namespace qreason
