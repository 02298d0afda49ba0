#include "kernels/coded_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/group_kernels.h"
#include "kernels/cpu_backend.h"

namespace qreason {
namespace {

std::int64_t runs_of(std::int64_t columns, std::int64_t size) {
  return (columns + size - 1) / size;
}

bool integers(const QuantFormat& format) {
  return format.kind == NumberKind::kInteger;
}

void encode_row(const float* x, const CodedRowsView& to, std::int64_t row) {
  const GroupKernels& kernels = group_kernels();
  std::uint8_t* codes = to.codes + row * to.width;
  for (std::int64_t group = 0; group < to.groups; ++group) {
    const std::int64_t first = group * to.group_size, count = std::min(to.group_size, to.width - first);
    const std::span<const float> values(x + first, static_cast<std::size_t>(count));
    const auto clip = to.clips.of_group(group);
    const GroupParameters parameters = encode_group(kernels, values, to.format, clip, codes + first, to.global_scale);
    to.scales[row * to.groups + group] = parameters.scale;
    to.zeros[row * to.groups + group] = parameters.zero;
  }
  if (!integers(to.format)) return;
  for (std::int64_t unit = 0; unit < to.units; ++unit) {
    std::int32_t sum = 0;
    const std::int64_t end = std::min(to.width, (unit + 1) * CodedRows::kSumColumns);
    for (std::int64_t i = unit * CodedRows::kSumColumns; i < end; ++i) sum += codes[i];
    to.sums[row * to.units + unit] = sum;
  }
}

}  // namespace

CodedRowsView coded_layout(const QuantFormat& format, std::int64_t rows, std::int64_t width) {
  const bool grouped = format.granularity == Granularity::kTokenGroup;
  if (!grouped && format.granularity != Granularity::kToken) {
    throw Error("coded rows", to_string(format), "a format per token or per token and group");
  }
  CodedRowsView view{.format = format, .rows = rows, .width = width};
  view.group_size = grouped ? std::max(1, format.group_size) : std::max<std::int64_t>(1, width);
  view.groups = runs_of(width, view.group_size);
  view.units = runs_of(width, CodedRows::kSumColumns);
  return view;
}

void CodedRows::encode(const float* x, std::int64_t rows, std::int64_t width, const RowQuantizer& quantizer,
                       Executor& executor) {
  const QuantFormat& format = quantizer.format;
  const Backend& backend = executor.backend();
  view_ = coded_layout(format, rows, width);
  view_.clips = quantizer.clips;
  view_.global_scale = quantizer.global_scale;
  view_.codes = codes_.need(rows * width, backend);
  view_.scales = scales_.need(rows * view_.groups, backend);
  view_.zeros = zeros_.need(rows * view_.groups, backend);
  if (integers(format)) view_.sums = sums_.need(rows * view_.units, backend);
  backend.encode_rows(x, view_, executor);
}

void CodedRows::decode(float* out, Executor& executor) const {
  executor.backend().decode_rows(view_, out, executor);
}

void CpuBackend::encode_rows(const float* x, const CodedRowsView& to, Executor& executor) const {
  executor.run(to.rows, [&](std::int64_t row) { encode_row(x + row * to.width, to, row); });
}

void CpuBackend::decode_rows(const CodedRowsView& from, float* out, Executor& executor) const {
  const GroupKernels& kernels = group_kernels();
  const auto elements = element_values(from.format.kind);
  executor.run(from.rows, [&](std::int64_t row) {
    for (std::int64_t group = 0; group < from.groups; ++group) {
      const std::int64_t first = group * from.group_size, count = std::min(from.group_size, from.width - first);
      const GroupParameters parameters{.scale = from.scales[row * from.groups + group],
                                       .zero = from.zeros[row * from.groups + group]};
      const std::uint8_t* codes = from.codes + row * from.width + first;
      float* to = out + row * from.width + first;
      if (integers(from.format)) {
        kernels.decode(codes, static_cast<std::size_t>(count), parameters, to);
      } else {
        for (std::int64_t i = 0; i < count; ++i) to[i] = parameters.scale * (elements[codes[i]] - parameters.zero);
      }
    }
  });
}

}  // namespace qreason
