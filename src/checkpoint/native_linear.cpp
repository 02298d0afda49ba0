#include "checkpoint/native_linear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/shown_name.h"
#include "checkpoint/tensor_bytes.h"
#include "formats/packing.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

std::string tensor_where(const SafetensorsFile& file, const std::string& name) {
  return fmt::format("{} tensor {}", file.path().string(), shown_name(name));
}

const SafetensorsEntry& typed_entry(const SafetensorsFile& file, const std::string& name, SafetensorsType type,
                                    const std::vector<std::int64_t>& shape) {
  const SafetensorsEntry& entry = file.entry(name);
  if (entry.type == type && entry.shape == shape) return entry;
  throw Error(tensor_where(file, name), fmt::format("{} [{}]", name_of(entry.type), fmt::join(entry.shape, ", ")),
              fmt::format("{} [{}]", name_of(type), fmt::join(shape, ", ")));
}

template <class T>
std::vector<T> copied(const SafetensorsFile& file, const std::string& name) {
  const MappedBytes map = file.bytes(name);
  std::vector<T> values(map.bytes().size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), map.bytes().data(), map.bytes().size());
  return values;
}

NativeLayout parse_layout(const std::string& text, const std::string& where) {
  const Json json = parse_json(text, where);
  NativeLayout layout;
  try {
    layout.format = parse_quant_format(json_string(json, "format", where));
  } catch (const Error& failure) {
    throw Error(where, failure.what());
  }
  if (layout.format.role != Role::kWeight) {
    throw Error(where, fmt::format("the format {}", to_string(layout.format)), "weights");
  }
  layout.columns = json_int(json, "columns", where);
  layout.group_size = json_int(json, "group_size", where);
  layout.groups = json_int(json, "groups", where);
  constexpr std::int64_t kMaxColumns = std::int64_t{1} << 32;
  const auto within = [](std::int64_t value, std::int64_t limit) { return value >= 1 && value <= limit; };
  if (!within(layout.columns, kMaxColumns) || !within(layout.group_size, layout.columns) ||
      !within(layout.groups, layout.columns)) {
    throw Error(where, fmt::format("{} columns in {} groups of {}", layout.columns, layout.groups, layout.group_size),
                "groups of 1 to all columns");
  }
  return layout;
}

}  // namespace

std::string codes_name(const std::string& linear) {
  return linear + ".weight.codes";
}

std::string scales_name(const std::string& linear) {
  return linear + ".weight.scales";
}

std::string zeros_name(const std::string& linear) {
  return linear + ".weight.zeros";
}

std::string group_index_name(const std::string& linear) {
  return linear + ".weight.group_index";
}

std::string global_scale_name(const std::string& linear) {
  return linear + ".weight.global_scale";
}

std::vector<std::string> quantized_names(const std::string& linear) {
  return {codes_name(linear), scales_name(linear), zeros_name(linear), group_index_name(linear),
          global_scale_name(linear)};
}

SafetensorsType stored_scale_type(ScaleType type) {
  switch (type) {
    case ScaleType::kFloat32:
      return SafetensorsType::kF32;
    case ScaleType::kFloat16:
      return SafetensorsType::kF16;
    case ScaleType::kBFloat16:
      return SafetensorsType::kBF16;
    case ScaleType::kE8M0:
      return SafetensorsType::kU8;
    case ScaleType::kE4M3:
      return SafetensorsType::kF8E4M3;
  }
  throw Error("scale type", fmt::format("the value {}", static_cast<int>(type)), "one of the enumerators");
}

bool is_quantized(const SafetensorsFile& file, const std::string& linear) {
  return file.contains(codes_name(linear));
}

NativeLayout native_layout(const SafetensorsFile& file, const std::string& linear) {
  const std::string where = tensor_where(file, linear + ".weight");
  const auto text = file.metadata().find(linear + ".weight");
  if (text == file.metadata().end()) throw Error(where, "no format in __metadata__", "one for every quantized linear");
  NativeLayout layout = parse_layout(text->second, where);
  const SafetensorsEntry& codes = file.entry(codes_name(linear));
  if (codes.shape.size() != 2 || codes.shape[0] < 1) {
    throw Error(tensor_where(file, codes_name(linear)), fmt::format("shape [{}]", fmt::join(codes.shape, ", ")),
                "[out, bytes of a row]");
  }
  layout.rows = codes.shape[0];
  const auto row_bytes = packed_bytes(static_cast<std::size_t>(layout.columns), layout.format.bits);
  typed_entry(file, codes_name(linear), SafetensorsType::kU8, {layout.rows, static_cast<std::int64_t>(row_bytes)});
  typed_entry(file, scales_name(linear), stored_scale_type(layout.format.scale_type), {layout.rows, layout.groups});
  if (layout.format.scale_type == ScaleType::kE4M3) {
    typed_entry(file, global_scale_name(linear), SafetensorsType::kF32, {1});
  }
  if (layout.format.symmetry == Symmetry::kAsymmetric) {
    typed_entry(file, zeros_name(linear), SafetensorsType::kU8, {layout.rows, layout.groups});
  }
  if (file.contains(group_index_name(linear))) {
    typed_entry(file, group_index_name(linear), SafetensorsType::kI32, {layout.columns});
  }
  return layout;
}

LinearWeight read_native_linear(const SafetensorsFile& file, const std::string& linear, ThreadPool* pool) {
  LinearWeight weight;
  const std::string bias = linear + ".bias";
  if (file.contains(bias)) weight.bias = mapped_tensor(file, bias).to(at::kFloat);
  if (!is_quantized(file, linear)) {
    weight.matrix = mapped_tensor(file, linear + ".weight");
    return weight;
  }
  const NativeLayout layout = native_layout(file, linear);
  QuantizedMatrix matrix{.format = layout.format,
                         .rows = layout.rows,
                         .columns = layout.columns,
                         .groups = layout.groups,
                         .group_size = layout.group_size};
  const auto columns = static_cast<std::size_t>(layout.columns);
  matrix.codes.resize(static_cast<std::size_t>(layout.rows) * columns);
  const MappedBytes codes = file.bytes(codes_name(linear));
  const std::span<const std::uint8_t> packed(reinterpret_cast<const std::uint8_t*>(codes.bytes().data()),
                                             codes.bytes().size());
  const std::size_t row_bytes = packed.size() / static_cast<std::size_t>(layout.rows);
  run_on(pool, layout.rows, [&](std::int64_t row) {
    const auto at = static_cast<std::size_t>(row);
    unpack_codes(packed.subspan(at * row_bytes, row_bytes), layout.format.bits,
                 std::span(matrix.codes).subspan(at * columns, columns));
  });
  matrix.scales.resize(static_cast<std::size_t>(layout.rows * layout.groups));
  decode_scales(file.bytes(scales_name(linear)).bytes(), layout.format.scale_type, matrix.scales);
  if (layout.format.scale_type == ScaleType::kE4M3) {
    matrix.global_scale = copied<float>(file, global_scale_name(linear)).front();
  }
  if (layout.format.symmetry == Symmetry::kAsymmetric) {
    matrix.zeros = copied<std::uint8_t>(file, zeros_name(linear));
  }
  if (file.contains(group_index_name(linear))) {
    matrix.group_index = copied<std::int32_t>(file, group_index_name(linear));
  }
  validate(matrix, tensor_where(file, linear + ".weight").c_str());
  weight.matrix = std::move(matrix);
  return weight;
}

std::string layout_text(const QuantizedMatrix& matrix) {
  const OrderedJson json{{"format", to_string(matrix.format)},
                         {"columns", matrix.columns},
                         {"groups", matrix.groups},
                         {"group_size", matrix.group_size}};
  return json.dump();
}

std::vector<std::uint8_t> packed_rows(const QuantizedMatrix& matrix, ThreadPool* pool) {
  const auto columns = static_cast<std::size_t>(matrix.columns);
  const std::size_t row_bytes = packed_bytes(columns, matrix.format.bits);
  std::vector<std::uint8_t> packed(static_cast<std::size_t>(matrix.rows) * row_bytes);
  run_on(pool, matrix.rows, [&](std::int64_t row) {
    const auto at = static_cast<std::size_t>(row);
    pack_codes(std::span(matrix.codes).subspan(at * columns, columns), matrix.format.bits,
               std::span(packed).subspan(at * row_bytes, row_bytes));
  });
  return packed;
}

std::vector<std::byte> packed_scales(const QuantizedMatrix& matrix) {
  std::vector<std::byte> bytes(matrix.scales.size() * scale_bytes(matrix.format.scale_type));
  encode_scales(matrix.scales, matrix.format.scale_type, bytes);
  return bytes;
}

}  // namespace qreason
