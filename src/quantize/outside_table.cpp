#include "quantize/outside_table.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include "base/stopwatch.h"
#include "quantize/report.h"
#include "quantize/rounding_error.h"
#include "quantize/rtn.h"

namespace qreason {
namespace {

constexpr std::int64_t kRowsAtATime = 4096;

at::Tensor rows_of(const at::Tensor& table, std::int64_t first) {
  return table.narrow(0, first, std::min(kRowsAtATime, table.size(0) - first)).to(at::kFloat).contiguous();
}

std::span<const float> values_of(const at::Tensor& rows) {
  return {rows.const_data_ptr<float>(), static_cast<std::size_t>(rows.numel())};
}

// One scale for the whole matrix: of its largest magnitude.
std::optional<float> global_scale_of(const at::Tensor& table, const QuantFormat& format) {
  if (format.scale_type != ScaleType::kE4M3) return std::nullopt;
  float largest = 0;
  for (std::int64_t row = 0; row < table.size(0); row += kRowsAtATime) {
    const at::Tensor rows = rows_of(table, row);
    for (const float value : values_of(rows)) largest = std::max(largest, std::abs(value));
  }
  return nvfp4_global_scale({&largest, 1});
}

double energy_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum;
}

template <class Value>
void append(const std::vector<Value>& from, std::vector<Value>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

RoundedTable round_table(const std::string& name, std::string_view pass, const at::Tensor& table,
                         const QuantFormat& format, Executor& executor) {
  const Stopwatch watch;
  const std::int64_t columns = table.size(1);
  const std::optional<float> global_scale = global_scale_of(table, format);
  QuantizedMatrix whole;
  LinearReport report;
  double error = 0, energy = 0;
  for (std::int64_t row = 0; row < table.size(0); row += kRowsAtATime) {
    const at::Tensor rows = rows_of(table, row);
    RtnResult part = round_rtn_parallel(values_of(rows), rows.size(0), columns, format, executor, global_scale);
    const double own = energy_of(values_of(rows));
    error += relative_weight_error(values_of(rows), part.matrix, executor) * own;
    energy += own;
    report.clipped += part.clipped;
    if (row == 0) {
      whole = std::move(part.matrix);
      whole.codes.reserve(static_cast<std::size_t>(table.numel()));
      continue;
    }
    whole.rows += part.matrix.rows;
    append(part.matrix.codes, whole.codes);
    append(part.matrix.scales, whole.scales);
    append(part.matrix.zeros, whole.zeros);
  }
  report.weight_error = energy > 0 ? error / energy : 0;
  report.seconds = watch.seconds();
  RoundedTable result{.weight = {.matrix = std::move(whole)}};
  result.report = to_json(name, pass, result.weight, report);
  return result;
}

}  // namespace qreason
