// What commands print on standard output: aligned tables, one JSON object, sizes for people.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/memory.h"

namespace qreason {

enum class Align { kLeft, kRight };
struct TableColumn {
  std::string title;
  Align align = Align::kLeft;
};

// Columns as wide as their widest cell, two spaces apart, no trailing spaces. Widths are columns of a terminal
// (cli/text_width.h).
class TextTable {
 public:
  explicit TextTable(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}
  void add_row(std::vector<std::string> cells);  // as many as there are columns
  // Ends with a newline. What is wider than `columns` loses the middle of its widest left-aligned cells, down to 12
  // columns each.
  std::string text(std::size_t columns = std::numeric_limits<std::size_t>::max()) const;

 private:
  std::vector<std::size_t> fitted_widths(std::size_t limit) const;
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The tables of a Markdown text with their columns as wide as their widest cell: the same Markdown, for a terminal.
std::string aligned_tables(const std::string& markdown);

// Columns that prose of commands takes: it has no more to say where a terminal is wider.
inline constexpr std::size_t kTextColumns = 80;
// "name      value" and a newline, the name `width` wide and the value broken at kTextColumns.
std::string named_line(std::string_view name, std::size_t width, std::string_view value);

// The one object of --json, on one line. Invalid UTF-8 in a string becomes U+FFFD; NaN and infinity become null.
void print_json(const OrderedJson& object);

std::string count_text(std::int64_t count);                      // "1.78 B", "135 M", "812"
std::string shape_text(const std::vector<std::int64_t>& shape);  // "[576, 1536]"
// A name out of a file, which may hold anything, as it may stand on a terminal: escaped() of base/utf8.h.
std::string printable(std::string_view text);
// A message as one line of text: what ends a line becomes a space, what else could steer a terminal is written out
// (base/utf8.h).
std::string one_line(std::string_view text);

}  // namespace qreason
