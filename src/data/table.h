// Rows of named text fields, from Parquet, JSON Lines, a JSON array of objects, or CSV with a header line; each of them
// plain, gzip or zstd. What a file is, is told by its content, whatever its name: `PAR1` begins Parquet, `[` an array,
// `{` JSON Lines, anything else CSV.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

namespace qreason {

struct RecordRow {
  std::map<std::string, std::string> fields;
  std::int64_t position = 0;  // line in the file (JSON Lines, CSV) or index in the array, for messages
};

struct Table {
  std::filesystem::path source;
  std::vector<RecordRow> rows;

  // "FILE, line 12" or "FILE, row 3".
  std::string where(const RecordRow& row) const;
  bool rows_are_lines = true;
};

// JSON values become text: strings as they are, numbers with the digits that the file has, booleans as JSON writes
// them, arrays and objects as compact JSON; null is an absent field; Parquet's values are those that JSON would have.
// Errors name file and line; a file without rows is an Error, as are bytes that are not UTF-8 and more than 2 GiB of
// text. No Error quotes a row.
Table read_table(const std::filesystem::path& path);
std::string field_text(const Json& value);

// The same row by row, for files of which not all is needed: of Parquet and of JSON Lines that are not packed only a
// part is in memory at a time, and files may be larger than 2 GiB. `where` names file and row. Says whether rows are
// counted as lines.
using RowTaker = std::function<void(RecordRow row, const std::string& where)>;
bool for_each_row(const std::filesystem::path& path, const RowTaker& take);

// The field, or an Error that names file, line and column and lists the columns there are.
const std::string& required_field(const Table& table, const RecordRow& row, const std::string& column);

}  // namespace qreason
