#include "device/tensor_backend.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "device/tensor_codes.h"
#include "device/tensor_weights.h"
#include "model/hadamard.h"

namespace qreason {

TensorBackend::TensorBackend(at::Device device, Arithmetic arithmetic)
    : memory_(device), name_(device.str()), arithmetic_(arithmetic) {}

void TensorBackend::copy_in(const void* host, std::size_t bytes, void* to) const {
  const auto count = static_cast<std::int64_t>(bytes);
  if (count == 0) return;
  memory_.view(to, {count}, at::kByte).copy_(at::from_blob(const_cast<void*>(host), {count}, at::kByte));
}

void TensorBackend::copy_out(const void* from, std::size_t bytes, void* host) const {
  const auto count = static_cast<std::int64_t>(bytes);
  if (count == 0) return;
  at::from_blob(host, {count}, at::kByte).copy_(memory_.view(from, {count}, at::kByte));
}

void TensorBackend::copy(const void* from, std::size_t bytes, void* to) const {
  const auto count = static_cast<std::int64_t>(bytes);
  if (count == 0) return;
  memory_.view(to, {count}, at::kByte).copy_(memory_.view(from, {count}, at::kByte));
}

PackedMatrix TensorBackend::pack_float32(std::span<const float> values, std::int64_t rows, std::int64_t columns,
                                         ThreadPool*) const {
  return place_float32(values, rows, columns, memory_.device());
}

PackedMatrix TensorBackend::pack_bfloat16(std::span<const std::uint16_t> values, std::int64_t rows,
                                          std::int64_t columns, ThreadPool*) const {
  return place_bfloat16(values, rows, columns, memory_.device());
}

PackedMatrix TensorBackend::pack_quantized(const QuantizedMatrix& matrix, ThreadPool*) const {
  return place_quantized(matrix, memory_.device());
}

// x [rows, columns] W^T, a tile of rows at a time.
at::Tensor TensorBackend::product(const at::Tensor& x, const PackedMatrix& w) const {
  const at::ScalarType type = arithmetic_ == Arithmetic::kFast ? at::kBFloat16 : at::kFloat;
  const at::Tensor weight = expanded(tensor_weight(w)).to(type).t(), rows = x.to(type);
  std::vector<at::Tensor> tiles;
  for (std::int64_t first = 0; first < rows.size(0); first += kTileRows) {
    const std::int64_t count = std::min(kTileRows, rows.size(0) - first);
    const at::Tensor tile = at::constant_pad_nd(rows.narrow(0, first, count), {0, 0, 0, kTileRows - count});
    tiles.push_back(at::matmul(tile, weight).narrow(0, 0, count));
  }
  return (tiles.size() == 1 ? tiles.front() : at::cat(tiles)).to(at::kFloat);
}

void TensorBackend::multiply(std::span<const MatmulTarget> targets, const MatmulInput& input, Executor&) const {
  if (input.rows == 0) return;
  for (const MatmulTarget& target : targets) {
    const std::int64_t columns = target.w->columns(), outputs = target.w->rows();
    at::Tensor found = product(memory_.view(input.x, {input.rows, columns}, {input.x_stride, 1}), *target.w);
    if (target.bias != nullptr) found = found + memory_.view(target.bias, {outputs});
    at::Tensor y = memory_.view(target.y, {input.rows, outputs}, {target.y_stride, 1});
    if (target.store == MatmulStore::kAdd) {
      y.add_(found);
    } else {
      y.copy_(found);
    }
  }
}

bool TensorBackend::is_code_product(const PackedMatrix&, const CodedInput&) const {
  return false;
}

// What a product of coded rows is defined as.
void TensorBackend::multiply_codes(std::span<const MatmulTarget> targets, const CodedInput& input,
                                   Executor& executor) const {
  const CodedRowsView& rows = *input.rows;
  const at::Tensor values =
      at::empty({rows.rows, rows.width}, at::TensorOptions().dtype(at::kFloat).device(memory_.device()));
  auto* first = values.mutable_data_ptr<float>();
  decode_rows(rows, first, executor);
  multiply(targets, {.x = first + input.first_column, .rows = rows.rows, .x_stride = rows.width}, executor);
}

std::string TensorBackend::explain_code_product(const PackedMatrix& w, std::int64_t rows) const {
  return explain(w, rows);
}

std::string TensorBackend::explain(const PackedMatrix& w, std::int64_t) const {
  const TensorWeight& weight = tensor_weight(w);
  const char* type = arithmetic_ == Arithmetic::kFast ? "bfloat16" : "float32";
  const char* source = weight.values.defined() ? "" : " of expanded codes";
  return fmt::format("{}: {} products{}, {} rows at a time", name_, type, source, kTileRows);
}

void TensorBackend::gather_rows(const PackedMatrix& w, std::span<const std::int32_t> rows, float* out,
                                Executor&) const {
  const at::Tensor list = memory_.list({rows.begin(), rows.end()});
  memory_.view(out, {list.size(0), w.columns()}).copy_(expanded_rows(tensor_weight(w), list));
}

// x may hold more rows than are asked for: the last of these is as far as it is looked at.
void TensorBackend::select_rows(const float* x, std::int64_t width, std::span<const std::int64_t> rows, float* out,
                                Executor&) const {
  if (rows.empty()) return;
  const std::int64_t last = *std::max_element(rows.begin(), rows.end());
  const at::Tensor list = memory_.list({rows.begin(), rows.end()});
  memory_.view(out, {list.size(0), width}).copy_(memory_.view(x, {last + 1, width}).index_select(0, list));
}

void TensorBackend::rms_norm(const float* x, std::int64_t rows, std::int64_t width, const float* gain, float epsilon,
                             float* out, Executor&) const {
  const at::Tensor h = memory_.view(x, {rows, width});
  const at::Tensor inverse = at::rsqrt((h * h).mean(-1, true) + epsilon);
  memory_.view(out, {rows, width}).copy_(h * inverse * memory_.view(gain, {width}));
}

void TensorBackend::rope(const RopeArguments& a, Executor&) const {
  if (a.rows == 0) return;
  const std::int64_t half = a.head_dim / 2, last = *std::max_element(a.positions, a.positions + a.rows);
  const at::Tensor list = memory_.list({a.positions, a.positions + a.rows});
  const auto angles = [&](const float* table) {
    return memory_.view(table, {last + 1, half}).index_select(0, list).unsqueeze(1);
  };
  const at::Tensor cosine = angles(a.cosine), sine = angles(a.sine);
  const at::Tensor heads = memory_.view(a.x, {a.rows, a.heads, a.head_dim}, {a.stride, a.head_dim, 1});
  at::Tensor low = heads.narrow(-1, 0, half), high = heads.narrow(-1, half, half);
  const at::Tensor new_low = low * cosine - high * sine, new_high = high * cosine + low * sine;
  low.copy_(new_low);
  high.copy_(new_high);
}

void TensorBackend::silu_multiply(float* gate, const float* up, std::int64_t rows, std::int64_t width,
                                  Executor&) const {
  at::Tensor x = memory_.view(gate, {rows, width});
  x.copy_(at::silu(x) * memory_.view(up, {rows, width}));
}

void TensorBackend::add_in_place(float* x, const float* y, std::int64_t count, Executor&) const {
  memory_.view(x, {count}).add_(memory_.view(y, {count}));
}

void TensorBackend::add_to_rows(float* x, std::int64_t rows, const float* y, std::int64_t width, Executor&) const {
  memory_.view(x, {rows, width}).add_(memory_.view(y, {width}));
}

at::Tensor TensorBackend::sylvester(std::int64_t order) const {
  const std::lock_guard lock(sylvester_mutex_);
  at::Tensor& there = sylvester_[order];
  if (there.defined()) return there;
  std::vector<float> values;
  for (std::int64_t row = 0; row < order; ++row) {
    for (const std::int8_t sign : sylvester_row(order, row)) values.push_back(sign);
  }
  there = at::from_blob(values.data(), {order, order}, at::kFloat).to(memory_.device(), at::kFloat, false, true);
  return there;
}

// x [.., right, lanes] becomes H x along `right`, H of order a b being the product of those of orders a and b.
at::Tensor TensorBackend::hadamard(const at::Tensor& x, std::int64_t right, std::int64_t lanes) const {
  const std::int64_t b = std::int64_t{1} << (std::bit_width(static_cast<std::uint64_t>(right)) / 2), a = right / b;
  const at::Tensor inner = at::matmul(sylvester(b), x.unflatten(-1, {a, b, lanes}));
  return at::matmul(sylvester(a), inner.flatten(-2)).flatten(-2);
}

void TensorBackend::transform_rows(float* x, std::int64_t rows, std::int64_t width, const RunTransform& t,
                                   Executor&) const {
  const std::int64_t inner = t.right * t.lanes, runs = width / (t.left * inner);
  at::Tensor all = memory_.view(x, {rows, runs, t.left, inner});
  at::Tensor now = all;
  const auto matrices = [&](const float* first, std::int64_t order, std::int64_t step) {
    if (step == 0) return memory_.view(first, {order, order});
    return memory_.view(first, {runs, order, order}, {step, order, 1});
  };
  const bool is_hadamard = t.kind == RunTransform::Right::kHadamard;
  if (is_hadamard) {
    now = hadamard(now, t.right, t.lanes);
  } else if (t.right_matrix != nullptr) {
    now = at::matmul(now, matrices(t.right_matrix, t.right, t.right_step));
  }
  if (t.left_matrix != nullptr) {
    now = at::matmul(matrices(t.left_matrix, t.left, t.left_step).transpose(-1, -2), now);
  }
  if (is_hadamard) now = now * static_cast<float>(1.0 / std::sqrt(static_cast<double>(t.left * t.right)));
  all.copy_(now);
}

void TensorBackend::quantize_dequantize_rows(float* x, std::int64_t rows, std::int64_t width,
                                             const RowQuantizer& quantizer, Executor& executor) const {
  const QuantFormat& format = quantizer.format;
  CodedRowsView view = coded_layout(format, rows, width);
  view.clips = quantizer.clips;
  view.global_scale = quantizer.global_scale;
  const at::Tensor codes = at::empty({rows, width}, at::TensorOptions().dtype(at::kByte).device(memory_.device()));
  const at::TensorOptions floats = at::TensorOptions().dtype(at::kFloat).device(memory_.device());
  const at::Tensor scales = at::empty({rows, view.groups}, floats), zeros = at::empty({rows, view.groups}, floats);
  view.codes = codes.mutable_data_ptr<std::uint8_t>();
  view.scales = scales.mutable_data_ptr<float>();
  view.zeros = zeros.mutable_data_ptr<float>();
  encode_rows(x, view, executor);
  decode_rows(view, x, executor);
}

void TensorBackend::quantize_dequantize_channels(float* x, std::int64_t rows, const ChannelRanges& ranges,
                                                 const QuantFormat& format, Executor&) const {
  at::Tensor values = memory_.view(x, {rows, ranges.width});
  const at::Tensor scale = memory_.view(ranges.scales, {ranges.width}),
                   zero = memory_.view(ranges.zeros, {ranges.width});
  values.copy_(quantize_dequantize(values, format, scale, zero));
}

// Whole groups, then what is left of the row.
void TensorBackend::encode_rows(const float* x, const CodedRowsView& to, Executor&) const {
  if (to.rows == 0) return;
  const at::Tensor values = memory_.view(x, {to.rows, to.width});
  at::Tensor codes = memory_.view(to.codes, {to.rows, to.width}, at::kByte);
  at::Tensor scales = memory_.view(to.scales, {to.rows, to.groups}),
             zeros = memory_.view(to.zeros, {to.rows, to.groups});
  const std::int64_t run = to.group_size, whole = to.width / run;
  const auto encode = [&](std::int64_t group, std::int64_t groups, std::int64_t size) {
    const at::Tensor runs = values.narrow(1, group * run, groups * size).unflatten(1, {groups, size});
    RunClips clips;
    if (to.clips.low != nullptr) {
      clips = {.low = memory_.view(to.clips.low + group, {groups, 1}),
               .high = memory_.view(to.clips.high + group, {groups, 1})};
    }
    const RunCodes found = encode_runs(runs, to.format, to.clips.low == nullptr ? nullptr : &clips, to.global_scale);
    codes.narrow(1, group * run, groups * size).copy_(found.codes.flatten(1));
    scales.narrow(1, group, groups).copy_(found.scale.flatten(1));
    zeros.narrow(1, group, groups).copy_(found.zero.flatten(1));
  };
  if (whole > 0) encode(0, whole, run);
  if (whole * run < to.width) encode(whole, 1, to.width - whole * run);
}

void TensorBackend::decode_rows(const CodedRowsView& from, float* out, Executor&) const {
  if (from.rows == 0) return;
  const at::Tensor codes = memory_.view(from.codes, {from.rows, from.width}, at::kByte);
  const at::Tensor scales = memory_.view(from.scales, {from.rows, from.groups}),
                   zeros = memory_.view(from.zeros, {from.rows, from.groups});
  at::Tensor values = memory_.view(out, {from.rows, from.width});
  const std::int64_t run = from.group_size, whole = from.width / run;
  const auto decode = [&](std::int64_t group, std::int64_t groups, std::int64_t size) {
    const at::Tensor runs = codes.narrow(1, group * run, groups * size).unflatten(1, {groups, size});
    values.narrow(1, group * run, groups * size)
        .copy_(decode_runs(runs, scales.narrow(1, group, groups).unsqueeze(-1),
                           zeros.narrow(1, group, groups).unsqueeze(-1), from.format.kind)
                   .flatten(1));
  };
  if (whole > 0) decode(0, whole, run);
  if (whole * run < from.width) decode(whole, 1, from.width - whole * run);
}

}  // namespace qreason
