// Comma-separated values by RFC 4180: quoted fields may hold commas, doubled quotes and line breaks; records end with
// LF or CRLF. A field with a quote in its middle, text after a closing quote and an open quote at the end are Errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct CsvRecord {
  std::vector<std::string> fields;
  std::int64_t line = 0;  // where it begins, from 1
};

// All records, the header line among them; empty lines are left out. `where` names the file.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& where);

}  // namespace qreason
