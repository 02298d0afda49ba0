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

}  // namespace

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

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < kUnits.size(); ++unit) amount /= 1024;
  return fmt::format("{:.{}f} {}", amount, unit == 0 ? 0 : 1, kUnits[unit]);
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
