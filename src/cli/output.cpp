#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace qreason {
namespace {

std::size_t width_of(const std::string& cell) {
  return static_cast<std::size_t>(
      std::count_if(cell.begin(), cell.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

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
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  const auto to_the_right = [&](std::size_t column) {
    return rows.size() > 1 && column < rows[1].size() && rows[1][column] == "--:";
  };
  std::string text;
  for (const auto& row : rows) {
    std::string line = "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), is_rule(row[i]) ? '-' : ' ');
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

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t width = width_of(columns_[column].title);
    for (const auto& row : rows_) width = std::max(width, width_of(row[column]));
    widths.push_back(width);
  }
  std::string text;
  const auto write = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const std::string cell = cell_of(column);
      const std::string space(widths[column] - width_of(cell), ' ');
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

std::string printable(const std::string& text) {
  std::string safe = text;
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return safe;
}

}  // namespace qreason
