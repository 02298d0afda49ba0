// Rows of named text fields, from JSON Lines, a JSON array of objects, or CSV with a header line; each of them plain,
// gzip or zstd. What a file is, is told by its content: `[` begins an array, `{` JSON Lines, anything else CSV.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

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

// JSON values become text: strings as they are, numbers and booleans as JSON writes them, arrays and objects as compact
// JSON; null is an absent field. Errors name file and line; a file without rows is an Error, as are bytes that are not
// UTF-8 and a Parquet file (which is named as such).
Table read_table(const std::filesystem::path& path);

// The field, or an Error that names file, line and column and lists the columns there are.
const std::string& required_field(const Table& table, const RecordRow& row, const std::string& column);

}  // namespace qreason
