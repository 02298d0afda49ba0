#include "model/column_range.h"

#include <algorithm>
#include <numeric>

namespace qreason {
namespace {

// The given columns of rows of `width` numbers.
template <class T>
std::vector<T> chosen(const std::vector<T>& values, std::int64_t width, const std::vector<std::int64_t>& columns) {
  std::vector<T> part;
  part.reserve(values.size() / static_cast<std::size_t>(width) * columns.size());
  for (std::size_t row = 0; row < values.size(); row += static_cast<std::size_t>(width)) {
    for (const std::int64_t column : columns) part.push_back(values[row + static_cast<std::size_t>(column)]);
  }
  return part;
}

}  // namespace

QuantizedMatrix column_range(const QuantizedMatrix& matrix, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(count));
  std::iota(columns.begin(), columns.end(), first);
  std::vector<std::int64_t> groups;  // of the range, in order
  for (const std::int64_t column : columns) groups.push_back(matrix.group_of(column));
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());

  QuantizedMatrix part = matrix;
  part.columns = count;
  part.groups = static_cast<std::int64_t>(groups.size());
  part.group_size = std::min(matrix.group_size, count);
  part.codes = chosen(matrix.codes, matrix.columns, columns);
  part.scales = chosen(matrix.scales, matrix.groups, groups);
  if (!matrix.zeros.empty()) part.zeros = chosen(matrix.zeros, matrix.groups, groups);
  part.group_index.clear();
  const bool from_a_border = matrix.group_index.empty() && first % matrix.group_size == 0;
  if (part.groups == 1 || from_a_border) return part;
  for (const std::int64_t column : columns) {
    const auto at = std::lower_bound(groups.begin(), groups.end(), matrix.group_of(column));
    part.group_index.push_back(static_cast<std::int32_t>(at - groups.begin()));
  }
  return part;
}

}  // namespace qreason
