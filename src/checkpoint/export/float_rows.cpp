#include "checkpoint/export/float_rows.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/error.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

constexpr std::int64_t kPieceValues = std::int64_t{1} << 22;
constexpr std::int64_t kTaskValues = std::int64_t{1} << 16;

struct TypeRow {
  StoredType type;
  std::string_view name, config_name;
  SafetensorsType file_type;
  at::ScalarType scalar_type;
  std::size_t bytes;
};
constexpr std::array kTypes{
    TypeRow{StoredType::kFloat32, "f32", "float32", SafetensorsType::kF32, at::kFloat, 4},
    TypeRow{StoredType::kBFloat16, "bf16", "bfloat16", SafetensorsType::kBF16, at::kBFloat16, 2},
    TypeRow{StoredType::kFloat16, "f16", "float16", SafetensorsType::kF16, at::kHalf, 2},
};

const TypeRow& row_of(StoredType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& row) { return row.type == type; });
}

void put(float value, StoredType type, std::byte* out) {
  if (type == StoredType::kFloat32) {
    std::memcpy(out, &value, sizeof(value));
    return;
  }
  const std::uint16_t bits = type == StoredType::kFloat16 ? encode_float16(value) : encode_bfloat16(value);
  std::memcpy(out, &bits, sizeof(bits));
}

}  // namespace

RowsShape rows_shape(const LinearWeight& weight) {
  if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) return {codes->rows, codes->columns};
  const auto& tensor = std::get<at::Tensor>(weight.matrix);
  if (tensor.dim() == 1) return {1, tensor.size(0)};
  return {tensor.size(0), tensor.size(1)};
}

void read_rows(const LinearWeight& weight, std::int64_t first, std::int64_t count, std::span<float> out,
               ThreadPool* pool) {
  const std::int64_t columns = rows_shape(weight).columns;
  if (const auto* codes = std::get_if<QuantizedMatrix>(&weight.matrix)) {
    run_on(pool, count, [&](std::int64_t row) {
      dequantize_row(*codes, first + row,
                     out.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns)));
    });
    return;
  }
  const auto& tensor = std::get<at::Tensor>(weight.matrix);
  const at::Tensor rows = tensor.dim() == 1 ? tensor : tensor.narrow(0, first, count);
  at::from_blob(out.data(), rows.sizes(), at::kFloat).copy_(rows);
}

std::optional<StoredType> stored_type_named(std::string_view name) {
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

std::string_view config_name(StoredType type) {
  return row_of(type).config_name;
}

SafetensorsType safetensors_type(StoredType type) {
  return row_of(type).file_type;
}

StoredType stored_type(const at::Tensor& tensor) {
  for (const TypeRow& row : kTypes) {
    if (row.scalar_type == tensor.scalar_type()) return row.type;
  }
  throw Error("a tensor", fmt::format("type {}", c10::toString(tensor.scalar_type())), "float32, bfloat16 or float16");
}

std::size_t bytes_each(StoredType type) {
  return row_of(type).bytes;
}

float as_stored(float value, StoredType type) {
  if (type == StoredType::kFloat16) return decode_float16(encode_float16(value));
  if (type == StoredType::kBFloat16) return decode_bfloat16(encode_bfloat16(value));
  return value;
}

void encode_floats(std::span<const float> values, StoredType type, std::span<std::byte> out, NumberChanges& changes,
                   const std::string& where) {
  const std::size_t width = bytes_each(type);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float after = as_stored(values[i], type);
    if (!std::isfinite(after)) {
      throw Error(where, fmt::format("the number {}", values[i]), fmt::format("one that {} holds", config_name(type)));
    }
    changes.add(values[i], after);
    put(after, type, out.data() + i * width);
  }
}

bool holds_exactly(std::span<const float> values, StoredType type) {
  return std::all_of(values.begin(), values.end(), [&](float value) { return as_stored(value, type) == value; });
}

void encode_weight(const LinearWeight& weight, StoredType type, ThreadPool* pool, const PieceSink& sink,
                   NumberChanges& changes, const std::string& where) {
  if (const auto* tensor = std::get_if<at::Tensor>(&weight.matrix); tensor != nullptr && stored_type(*tensor) == type) {
    const at::Tensor whole = tensor->contiguous();
    return sink({static_cast<const std::byte*>(whole.const_data_ptr()), whole.nbytes()});
  }
  const RowsShape shape = rows_shape(weight);
  const std::int64_t step = std::max<std::int64_t>(1, kPieceValues / shape.columns);
  std::vector<float> values;
  std::vector<std::byte> bytes;
  for (std::int64_t first = 0; first < shape.rows; first += step) {
    const std::int64_t count = std::min(step, shape.rows - first) * shape.columns;
    values.resize(static_cast<std::size_t>(count));
    bytes.resize(values.size() * bytes_each(type));
    read_rows(weight, first, count / shape.columns, values, pool);
    std::mutex mutex;
    run_on(pool, (count + kTaskValues - 1) / kTaskValues, [&](std::int64_t task) {
      const auto begin = static_cast<std::size_t>(task * kTaskValues);
      const std::size_t length = std::min<std::size_t>(kTaskValues, values.size() - begin);
      NumberChanges part;
      encode_floats(std::span(values).subspan(begin, length), type,
                    std::span(bytes).subspan(begin * bytes_each(type), length * bytes_each(type)), part, where);
      const std::lock_guard lock(mutex);
      changes.merge(part, where);
    });
    sink(bytes);
  }
}

}  // namespace qreason
