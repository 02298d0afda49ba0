#include "data/table.h"

#include <fmt/format.h>

#include <fstream>
#include <set>

#include "base/error.h"
#include "data/compressed_file.h"
#include "data/csv.h"
#include "data/number_texts.h"
#include "data/parquet.h"
#include "data/utf8.h"

namespace qreason {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::size_t kMostText = std::size_t{1} << 31;
constexpr std::size_t kPeek = 4096;

RecordRow row_of(const Json& object, std::int64_t position, const std::string& where) {
  if (!object.is_object()) throw Error(where, fmt::format("a JSON {}", object.type_name()), "an object");
  RecordRow row{.position = position};
  for (const auto& [key, value] : object.items()) {
    if (!value.is_null()) row.fields.emplace(key, field_text(value));
  }
  return row;
}

void take_line(std::string_view line, std::int64_t number, const std::string& file, const RowTaker& take) {
  if (line.find_first_not_of(kSpaces) == std::string_view::npos) return;
  const std::string where = fmt::format("{}, line {}", file, number);
  const Json object = parse_json(line, where, Excerpts::kHidden);
  RecordRow row = row_of(object, number, where);
  if (has_double(object)) row.fields = fields_as_written(line).front();
  take(std::move(row), where);
}

void read_json_lines(std::string_view text, const std::string& file, const RowTaker& take) {
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    take_line(line, number, file, take);
  }
}

void stream_json_lines(const std::filesystem::path& path, const RowTaker& take) {
  std::ifstream lines(path, std::ios::binary);
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    std::string_view view = line;
    if (++number == 1 && view.starts_with(kByteOrderMark)) view.remove_prefix(kByteOrderMark.size());
    take_line(view, number, path.string(), take);
  }
  if (lines.bad() || !lines.eof()) throw Error(path.string(), "reading failed", "a readable file");
}

void read_json_array(std::string_view text, const std::string& file, const RowTaker& take) {
  const Json array = parse_json(text, file, Excerpts::kHidden);
  std::vector<RowFields> written;
  if (has_double(array)) written = fields_as_written(text);
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string where = fmt::format("{}, row {}", file, i);
    RecordRow row = row_of(array[i], static_cast<std::int64_t>(i), where);
    if (!written.empty()) row.fields = std::move(written[i]);
    take(std::move(row), where);
  }
}

void read_csv(std::string_view text, const std::string& file, const RowTaker& take) {
  require_utf8(text, file);
  const auto records = parse_csv(text, file);
  if (records.empty()) return;
  const auto& header = records.front().fields;
  if (std::set<std::string>(header.begin(), header.end()).size() != header.size()) {
    throw Error(file, "the same column twice in the header line", "each column once");
  }
  for (std::size_t i = 1; i < records.size(); ++i) {
    const CsvRecord& record = records[i];
    const std::string where = fmt::format("{}, line {}", file, record.line);
    if (record.fields.size() != header.size()) {
      throw Error(where, fmt::format("{} fields", record.fields.size()),
                  fmt::format("{} as in the header line", header.size()));
    }
    RecordRow row{.position = record.line};
    for (std::size_t column = 0; column < header.size(); ++column) {
      row.fields.emplace(header[column], record.fields[column]);
    }
    take(std::move(row), where);
  }
}

// Whether a file that is not packed begins as JSON Lines.
bool begins_json_lines(const std::filesystem::path& path) {
  std::string beginning(kPeek, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  std::string_view text(beginning.data(), static_cast<std::size_t>(file.gcount()));
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t first = text.find_first_not_of(kSpaces);
  return first != std::string_view::npos && text[first] == '{';
}

}  // namespace

std::string Table::where(const RecordRow& row) const {
  return fmt::format("{}, {} {}", source.string(), rows_are_lines ? "line" : "row", row.position);
}

std::string field_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

bool for_each_row(const std::filesystem::path& path, const RowTaker& take) {
  if (is_parquet(path)) {
    for_each_parquet_row(path, take);
    return false;
  }
  if (begins_json_lines(path)) {
    stream_json_lines(path, take);
    return true;
  }
  const std::string content = read_possibly_compressed(path);
  const std::string file = path.string();
  std::string_view text = content;
  if (text.starts_with(kParquetMagic)) {
    for_each_parquet_row(text, path, take);
    return false;
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t first = text.find_first_not_of(kSpaces);
  const char begins = first == std::string_view::npos ? '\0' : text[first];
  if (begins == '[')
    read_json_array(text, file, take);
  else if (begins == '{')
    read_json_lines(text, file, take);
  else
    read_csv(text, file, take);
  return begins != '[';
}

Table read_table(const std::filesystem::path& path) {
  Table table{.source = path};
  std::size_t size = 0;
  table.rows_are_lines = for_each_row(path, [&](RecordRow row, const std::string& where) {
    for (const auto& [name, value] : row.fields) size += value.size();
    if (size > kMostText)
      throw Error(where, fmt::format("more than {} bytes of text up to here", kMostText), "a smaller file");
    table.rows.push_back(std::move(row));
  });
  if (table.rows.empty()) throw Error(path.string(), "no rows", "at least one");
  return table;
}

const std::string& required_field(const Table& table, const RecordRow& row, const std::string& column) {
  const auto found = row.fields.find(column);
  if (found != row.fields.end()) return found->second;
  std::string columns;
  for (const auto& [name, value] : row.fields) columns += (columns.empty() ? "" : ", ") + name;
  if (columns.size() > 200) columns.replace(200, std::string::npos, "...");
  throw Error(table.where(row), fmt::format("no column \"{}\", or null in it", column),
              fmt::format("it among: {}", columns));
}

}  // namespace qreason
