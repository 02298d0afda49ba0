// Rows of JSON whose numbers keep the digits that the file has.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace qreason {

// Whether `value` is, or holds, a number that `Json` keeps as a double: its digits are the double's, not the file's.
bool has_double(const Json& value);

// The fields of each row as text (data/table.h), with every number as it is written. `text` is JSON that parse_json has
// taken: an object, which is one row, or an array, whose objects are the rows.
using RowFields = std::map<std::string, std::string>;
std::vector<RowFields> fields_as_written(std::string_view text);

}  // namespace qreason
