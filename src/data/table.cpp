#include "data/table.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/json.h"
#include "data/compressed_file.h"
#include "data/csv.h"
#include "data/utf8.h"

namespace qreason {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

RecordRow row_of(const Json& object, std::int64_t position, const std::string& where) {
  if (!object.is_object()) throw Error(where, fmt::format("a JSON {}", object.type_name()), "an object");
  RecordRow row{.position = position};
  for (const auto& [key, value] : object.items()) {
    if (!value.is_null()) row.fields.emplace(key, text_of(value));
  }
  return row;
}

void read_json_lines(std::string_view text, Table& table) {
  std::int64_t line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.find_first_not_of(kSpaces) == std::string_view::npos) continue;
    const std::string where = fmt::format("{}, line {}", table.source.string(), line_number);
    table.rows.push_back(row_of(parse_json(line, where, Excerpts::kHidden), line_number, where));
  }
}

void read_json_array(std::string_view text, Table& table) {
  table.rows_are_lines = false;
  const Json array = parse_json(text, table.source.string(), Excerpts::kHidden);
  for (const Json& object : array) {
    const auto index = static_cast<std::int64_t>(table.rows.size());
    table.rows.push_back(row_of(object, index, fmt::format("{}, row {}", table.source.string(), index)));
  }
}

void read_csv(std::string_view text, Table& table) {
  const std::string file = table.source.string();
  require_utf8(text, file);
  const auto records = parse_csv(text, file);
  if (records.empty()) return;
  const auto& header = records.front().fields;
  if (std::set<std::string>(header.begin(), header.end()).size() != header.size()) {
    throw Error(file, "the same column twice in the header line", "each column once");
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    const CsvRecord& record = records[i];
    if (record.fields.size() != header.size()) {
      throw Error(fmt::format("{}, line {}", file, record.line), fmt::format("{} fields", record.fields.size()),
                  fmt::format("{} as in the header line", header.size()));
    }
    RecordRow row{.position = record.line};
    for (std::size_t column = 0; column < header.size(); ++column) {
      row.fields.emplace(header[column], record.fields[column]);
    }
    table.rows.push_back(std::move(row));
  }
}

}  // namespace

std::string Table::where(const RecordRow& row) const {
  return fmt::format("{}, {} {}", source.string(), rows_are_lines ? "line" : "row", row.position);
}

Table read_table(const std::filesystem::path& path) {
  const std::string content = read_possibly_compressed(path);
  std::string_view text = content;
  if (text.starts_with("PAR1")) {
    throw Error(path.string(), "a Parquet file", "JSON Lines, a JSON array or CSV (convert it first)");
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Table table{.source = path};
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first != std::string_view::npos && text[first] == '[') {
    read_json_array(text, table);
  } else if (first != std::string_view::npos && text[first] == '{') {
    read_json_lines(text, table);
  } else {
    read_csv(text, table);
  }
  if (table.rows.empty()) throw Error(path.string(), "no rows", "at least one");
  return table;
}

const std::string& required_field(const Table& table, const RecordRow& row, const std::string& column) {
  const auto found = row.fields.find(column);
  if (found != row.fields.end()) return found->second;
  std::string columns;
  for (const auto& [name, value] : row.fields) columns += (columns.empty() ? "" : ", ") + name;
  if (columns.size() > 200) columns.replace(200, std::string::npos, "...");
  throw Error(table.where(row), fmt::format("no column \"{}\"", column), fmt::format("it among: {}", columns));
}

}  // namespace qreason
