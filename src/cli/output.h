// What commands print on standard output: aligned tables, one JSON object, sizes for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/memory.h"

namespace qreason {

enum class Align { kLeft, kRight };
struct TableColumn {
  std::string title;
  Align align = Align::kLeft;
};

// Columns as wide as their widest cell, two spaces apart, no trailing spaces. Widths count UTF-8 characters.
class TextTable {
 public:
  explicit TextTable(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}
  void add_row(std::vector<std::string> cells);  // as many as there are columns
  std::string text() const;                      // ends with a newline

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The tables of a Markdown text with their columns as wide as their widest cell: the same Markdown, for a terminal.
std::string aligned_tables(const std::string& markdown);

// The one object of --json, on one line. Invalid UTF-8 in a string becomes U+FFFD; NaN and infinity become null.
void print_json(const OrderedJson& object);

std::string count_text(std::int64_t count);                      // "1.78 B", "135 M", "812"
std::string shape_text(const std::vector<std::int64_t>& shape);  // "[576, 1536]"
// For names out of files: control characters as '?', so that they cannot steer a terminal.
std::string printable(const std::string& text);

}  // namespace qreason
