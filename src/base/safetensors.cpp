#include "base/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/shown_name.h"

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian and mapped as they are");

namespace qreason {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference reader's limit
constexpr std::uint64_t kLengthBytes = 8;
constexpr const char* kMetadataKey = "__metadata__";

struct TypeRow {
  SafetensorsType type;
  std::string_view name;
  int bits;
};
constexpr std::array kTypes{
    TypeRow{SafetensorsType::kBool, "BOOL", 8},
    TypeRow{SafetensorsType::kU8, "U8", 8},
    TypeRow{SafetensorsType::kI8, "I8", 8},
    TypeRow{SafetensorsType::kF8E5M2, "F8_E5M2", 8},
    TypeRow{SafetensorsType::kF8E4M3, "F8_E4M3", 8},
    TypeRow{SafetensorsType::kF8E8M0, "F8_E8M0", 8},
    TypeRow{SafetensorsType::kF8E4M3Fnuz, "F8_E4M3FNUZ", 8},
    TypeRow{SafetensorsType::kF8E5M2Fnuz, "F8_E5M2FNUZ", 8},
    TypeRow{SafetensorsType::kI16, "I16", 16},
    TypeRow{SafetensorsType::kU16, "U16", 16},
    TypeRow{SafetensorsType::kF16, "F16", 16},
    TypeRow{SafetensorsType::kBF16, "BF16", 16},
    TypeRow{SafetensorsType::kI32, "I32", 32},
    TypeRow{SafetensorsType::kU32, "U32", 32},
    TypeRow{SafetensorsType::kF32, "F32", 32},
    TypeRow{SafetensorsType::kC64, "C64", 64},
    TypeRow{SafetensorsType::kF64, "F64", 64},
    TypeRow{SafetensorsType::kI64, "I64", 64},
    TypeRow{SafetensorsType::kU64, "U64", 64},
    TypeRow{SafetensorsType::kF4, "F4", 4},
    TypeRow{SafetensorsType::kF6E2M3, "F6_E2M3", 6},
    TypeRow{SafetensorsType::kF6E3M2, "F6_E3M2", 6},
};

const TypeRow& row_of(SafetensorsType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row;
  }
  throw Error("SafetensorsType", fmt::format("the value {}", static_cast<int>(type)), "one of the enumerators");
}

// Bytes of a tensor of that shape; nullopt when the product overflows or is no whole number of bytes.
std::optional<std::uint64_t> bytes_of(SafetensorsType type, const std::vector<std::int64_t>& shape) {
  std::uint64_t bits = static_cast<std::uint64_t>(bits_of(type));
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(size), &bits)) return std::nullopt;
  }
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

std::uint64_t unsigned_number(const Json& value, const char* what, const std::string& where) {
  // Beyond INT64_MAX nothing is a length of something real, and sizes are held as std::int64_t.
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    throw Error(where,
                fmt::format("{} {}", what, shown_name(value.dump(-1, ' ', true, Json::error_handler_t::replace))),
                "whole numbers from 0 to 2^63 - 1");
  }
  return value.get<std::uint64_t>();
}

struct Placed {
  std::uint64_t begin, end;
  const std::string* name;
};

SafetensorsEntry parse_entry(const Json& json, const std::string& where, Placed& placed) {
  SafetensorsEntry entry;
  const std::string type_name = json_string(json, "dtype", where);
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeRow& r) { return r.name == type_name; });
  if (row == kTypes.end()) throw Error(where, fmt::format("dtype {}", shown_name(type_name)), "a type of safetensors");
  entry.type = row->type;
  const Json& shape = json_member(json, "shape", where);
  if (!shape.is_array()) throw Error(where, fmt::format("shape is a JSON {}", shape.type_name()), "a list of sizes");
  for (const Json& size : shape) {
    entry.shape.push_back(static_cast<std::int64_t>(unsigned_number(size, "a size in shape of", where)));
  }
  const Json& offsets = json_member(json, "data_offsets", where);
  if (!offsets.is_array() || offsets.size() != 2) throw Error(where, "data_offsets of another form", "[BEGIN, END]");
  placed.begin = unsigned_number(offsets[0], "BEGIN in data_offsets is", where);
  placed.end = unsigned_number(offsets[1], "END in data_offsets is", where);
  if (placed.begin > placed.end) {
    throw Error(where, fmt::format("data_offsets [{}, {}]", placed.begin, placed.end), "BEGIN <= END");
  }
  const auto bytes = bytes_of(entry.type, entry.shape);
  if (!bytes || *bytes != placed.end - placed.begin) {
    throw Error(where, fmt::format("{} bytes in data_offsets", placed.end - placed.begin),
                bytes ? fmt::format("the {} of its shape and type", *bytes) : "a shape whose bytes can be counted");
  }
  return entry;
}

// Taken in the order of their offsets, the tensors must tile the data from its first byte to its last.
void require_tiling(std::vector<Placed> placed, std::uint64_t data_bytes, const std::string& file) {
  std::sort(placed.begin(), placed.end(),
            [](const Placed& a, const Placed& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::uint64_t reached = 0;
  for (const Placed& tensor : placed) {
    if (tensor.begin != reached) {
      throw Error(file, fmt::format("tensor {} begins at byte {} of the data", shown_name(*tensor.name), tensor.begin),
                  fmt::format("{}: no hole and no overlap", reached));
    }
    reached = tensor.end;
  }
  if (reached != data_bytes) {
    throw Error(file, fmt::format("{} bytes of data", data_bytes), fmt::format("the {} of its tensors", reached));
  }
}

Json parse_header(const OpenedFile& opened, std::uint64_t& data_begin) {
  const std::string file = opened.path().string();
  std::uint64_t length = 0;
  std::memcpy(&length, opened.map(0, kLengthBytes, "the header's length").bytes().data(), kLengthBytes);
  if (length > kMaxHeader) {
    throw Error(file, fmt::format("a header of {} bytes", length), fmt::format("at most {}", kMaxHeader));
  }
  const MappedBytes header = opened.map(kLengthBytes, length, "the header");
  const auto bytes = header.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with('{')) throw Error(file, "a header that does not begin with {", "a safetensors file");
  data_begin = kLengthBytes + length;
  return parse_json(text, file + " header");
}

}  // namespace

std::string_view name_of(SafetensorsType type) {
  return row_of(type).name;
}

int bits_of(SafetensorsType type) {
  return row_of(type).bits;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::string file = path.string();
  std::uint64_t data_begin = 0;
  const Json header = parse_header(file_, data_begin);
  std::vector<Placed> placed;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadataKey) {
      if (!value.is_object()) throw Error(file, "a __metadata__ that is no object", "an object of strings");
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) throw Error(file, "a __metadata__ value that is no string", "strings only");
        metadata_[key] = text.get<std::string>();
      }
      continue;
    }
    const std::string where = fmt::format("{} tensor {}", file, shown_name(name));
    Placed place{};
    SafetensorsEntry entry = parse_entry(value, where, place);
    if (place.end > file_.size() - data_begin) {
      throw Error(where, fmt::format("data_offsets end at {}", place.end),
                  fmt::format("at most the {} bytes of data in the file", file_.size() - data_begin));
    }
    entry.offset = data_begin + place.begin;
    entry.size = place.end - place.begin;
    const auto [inserted, fresh] = entries_.emplace(name, std::move(entry));
    place.name = &inserted->first;
    placed.push_back(place);
  }
  require_tiling(std::move(placed), file_.size() - data_begin, file);
}

const SafetensorsEntry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    throw Error(path().string(), fmt::format("no tensor {}", shown_name(name)), "that tensor");
  return found->second;
}

MappedBytes SafetensorsFile::bytes(const std::string& name) const {
  const SafetensorsEntry& found = entry(name);
  return file_.map(found.offset, found.size, "the tensor");
}

namespace {

template <class T>
std::vector<T> copy_out(const SafetensorsFile& file, const std::string& name, SafetensorsType type) {
  const SafetensorsEntry& entry = file.entry(name);
  if (entry.type != type) {
    throw Error(fmt::format("{} tensor {}", file.path().string(), shown_name(name)),
                fmt::format("type {}", name_of(entry.type)), std::string(name_of(type)));
  }
  std::vector<T> values(entry.size / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), file.bytes(name).bytes().data(), values.size() * sizeof(T));
  return values;
}

}  // namespace

std::vector<float> SafetensorsFile::read_f32(const std::string& name, std::span<const std::int64_t> shape) const {
  const SafetensorsEntry& found = entry(name);
  if (!shape.empty() && !std::equal(shape.begin(), shape.end(), found.shape.begin(), found.shape.end())) {
    throw Error(fmt::format("{} tensor {}", path().string(), shown_name(name)),
                fmt::format("shape [{}]", fmt::join(found.shape, ", ")), fmt::format("[{}]", fmt::join(shape, ", ")));
  }
  return copy_out<float>(*this, name, SafetensorsType::kF32);
}

std::vector<std::int32_t> SafetensorsFile::read_i32(const std::string& name) const {
  return copy_out<std::int32_t>(*this, name, SafetensorsType::kI32);
}

}  // namespace qreason
