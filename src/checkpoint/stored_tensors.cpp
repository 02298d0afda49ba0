#include "checkpoint/stored_tensors.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "base/shown_name.h"
#include "formats/float_codecs.h"
#include "formats/scale_codec.h"

namespace qreason {
namespace {

template <class T>
std::vector<T> copied(const SafetensorsFolder& folder, const std::string& tensor) {
  const MappedBytes map = folder.file_of(tensor).bytes(tensor);
  std::vector<T> values(map.bytes().size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), map.bytes().data(), values.size() * sizeof(T));
  return values;
}

std::string described(const SafetensorsEntry& entry) {
  return fmt::format("{} [{}]", name_of(entry.type), fmt::join(entry.shape, ", "));
}

std::optional<ScaleType> scale_type_of(SafetensorsType type) {
  switch (type) {
    case SafetensorsType::kF32:
      return ScaleType::kFloat32;
    case SafetensorsType::kF16:
      return ScaleType::kFloat16;
    case SafetensorsType::kBF16:
      return ScaleType::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string where_of(const SafetensorsFolder& folder, const std::string& tensor) {
  return fmt::format("{} tensor {}", folder.file_of(tensor).path().string(), shown_name(tensor));
}

void require_tensor(const SafetensorsFolder& folder, const std::string& tensor, SafetensorsType type,
                    const std::vector<std::int64_t>& shape) {
  const SafetensorsEntry& entry = folder.entry(tensor);
  if (entry.type == type && entry.shape == shape) return;
  throw Error(where_of(folder, tensor), described(entry),
              fmt::format("{} [{}]", name_of(type), fmt::join(shape, ", ")));
}

ScaleType require_scales(const SafetensorsFolder& folder, const std::string& tensor,
                         const std::vector<std::int64_t>& shape) {
  const SafetensorsEntry& entry = folder.entry(tensor);
  const auto type = scale_type_of(entry.type);
  if (type && entry.shape == shape) return *type;
  throw Error(where_of(folder, tensor), described(entry), fmt::format("F16, BF16 or F32 [{}]", fmt::join(shape, ", ")));
}

std::vector<std::uint8_t> bytes_of(const SafetensorsFolder& folder, const std::string& tensor) {
  return copied<std::uint8_t>(folder, tensor);
}

std::vector<std::uint32_t> words_of(const SafetensorsFolder& folder, const std::string& tensor) {
  return copied<std::uint32_t>(folder, tensor);
}

std::vector<std::int64_t> integers_of(const SafetensorsFolder& folder, const std::string& tensor) {
  return copied<std::int64_t>(folder, tensor);
}

std::vector<float> floats_of(const SafetensorsFolder& folder, const std::string& tensor) {
  const SafetensorsType stored = folder.entry(tensor).type;
  ScaleType type = ScaleType::kFloat32;
  if (stored == SafetensorsType::kU8) {
    type = ScaleType::kE8M0;
  } else if (stored == SafetensorsType::kF8E4M3) {
    type = ScaleType::kE4M3;
  } else if (const auto plain = scale_type_of(stored)) {
    type = *plain;
  } else {
    throw Error(where_of(folder, tensor), fmt::format("type {}", name_of(stored)), "scales");
  }
  const MappedBytes map = folder.file_of(tensor).bytes(tensor);
  std::vector<float> values(map.bytes().size() / scale_bytes(type));
  decode_scales(map.bytes(), type, values);
  return values;
}

std::vector<float> transposed(const std::vector<float>& values, std::int64_t rows, std::int64_t columns) {
  std::vector<float> out(values.size());
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t row = 0; row < rows; ++row) {
      out[static_cast<std::size_t>(row * columns + column)] = values[static_cast<std::size_t>(column * rows + row)];
    }
  }
  return out;
}

void require_words(const SafetensorsFolder& folder, const std::string& tensor, const WordLayout& layout, int bits,
                   std::int64_t rows, std::int64_t columns) {
  WordShape shape;
  try {
    shape = word_shape(layout, bits, rows, columns);
  } catch (const Error& failure) {
    throw Error(where_of(folder, tensor), failure.what());
  }
  require_tensor(folder, tensor, SafetensorsType::kI32, {shape.rows, shape.columns});
}

std::vector<std::uint8_t> codes_of(const SafetensorsFolder& folder, const std::string& tensor, const WordLayout& layout,
                                   int bits, std::int64_t rows, std::int64_t columns, ThreadPool* pool) {
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * columns));
  unpack_words(words_of(folder, tensor), rows, columns, bits, layout, codes, pool);
  return codes;
}

}  // namespace qreason
