#include "kernels/coded_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "formats/float_codecs.h"
#include "formats/group_kernels.h"

namespace qreason {
namespace {

std::int64_t runs_of(std::int64_t columns, std::int64_t size) {
  return (columns + size - 1) / size;
}

bool integers(const QuantFormat& format) {
  return format.kind == NumberKind::kInteger;
}

}  // namespace

void CodedRows::encode(const float* x, std::int64_t rows, std::int64_t width, const QuantFormat& format,
                       Executor& executor) {
  const bool grouped = format.granularity == Granularity::kTokenGroup;
  if (!grouped && format.granularity != Granularity::kToken) {
    throw Error("coded rows", to_string(format), "a format per token or per token and group");
  }
  format_ = format;
  rows_ = rows;
  width_ = width;
  group_size_ = grouped ? std::max(1, format.group_size) : std::max<std::int64_t>(1, width);
  groups_ = runs_of(width, group_size_);
  codes_.resize(static_cast<std::size_t>(rows * width));
  scales_.resize(static_cast<std::size_t>(rows * groups_));
  zeros_.resize(scales_.size());
  if (integers(format)) sums_.resize(static_cast<std::size_t>(rows * units()));
  executor.run(rows, [&](std::int64_t row) { encode_row(x + row * width, row); });
}

void CodedRows::encode_row(const float* x, std::int64_t row) {
  const GroupKernels& kernels = group_kernels();
  std::uint8_t* codes = codes_.data() + row * width_;
  for (std::int64_t group = 0; group < groups_; ++group) {
    const std::int64_t first = group * group_size_, count = std::min(group_size_, width_ - first);
    const std::span<const float> values(x + first, static_cast<std::size_t>(count));
    const GroupParameters parameters = find_parameters_with(kernels, values, format_);
    scales_[static_cast<std::size_t>(row * groups_ + group)] = parameters.scale;
    zeros_[static_cast<std::size_t>(row * groups_ + group)] =
        integers(format_) ? parameters.zero + static_cast<float>(format_.code_offset()) : 0.0f;
    if (integers(format_)) {
      encode_with(kernels, values, parameters, format_, codes + first);
      continue;
    }
    for (std::int64_t i = 0; i < count; ++i) {
      codes[first + i] = static_cast<std::uint8_t>(qreason::encode(x[first + i], parameters, format_));
    }
  }
  if (!integers(format_)) return;
  for (std::int64_t unit = 0; unit < units(); ++unit) {
    std::int32_t sum = 0;
    const std::int64_t end = std::min(width_, (unit + 1) * kSumColumns);
    for (std::int64_t i = unit * kSumColumns; i < end; ++i) sum += codes[i];
    sums_[static_cast<std::size_t>(row * units() + unit)] = sum;
  }
}

void CodedRows::decode(float* out, Executor& executor) const {
  const GroupKernels& kernels = group_kernels();
  const auto elements = element_values(format_.kind);
  executor.run(rows_, [&](std::int64_t row) {
    for (std::int64_t group = 0; group < groups_; ++group) {
      const std::int64_t first = group * group_size_, count = std::min(group_size_, width_ - first);
      const auto slot = static_cast<std::size_t>(row * groups_ + group);
      const std::uint8_t* codes = codes_.data() + row * width_ + first;
      float* to = out + row * width_ + first;
      if (integers(format_)) {
        kernels.decode(codes, static_cast<std::size_t>(count), {.scale = scales_[slot], .zero = zeros_[slot]}, to);
      } else {
        for (std::int64_t i = 0; i < count; ++i) to[i] = scales_[slot] * (elements[codes[i]] - zeros_[slot]);
      }
    }
  });
}

}  // namespace qreason
