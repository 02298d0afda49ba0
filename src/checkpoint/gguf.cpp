#include "checkpoint/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/shown_name.h"

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian and mapped as they are");

namespace qreason {
namespace {

// No real file comes near these; a lying count stops here or at the file's size, before anything is allocated for it.
constexpr std::uint64_t kMaxKeys = 1 << 16;
constexpr std::uint64_t kMaxTensors = 1 << 20;
constexpr std::uint64_t kMaxArray = 1 << 24;
constexpr std::uint64_t kMaxKeyLength = 65535;
constexpr std::uint64_t kMaxAlignment = 1 << 20;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint32_t kMaxDimensions = 4;
// Bytes that the shortest entry takes: two lengths or counts and a type.
constexpr std::uint64_t kMinKeyBytes = 8 + 4 + 1;
constexpr std::uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

struct TypeRow {
  GgmlType type;
  std::string_view name;
  GgmlBlock block;
};
constexpr std::array kTypes{
    TypeRow{GgmlType::kF32, "F32", {1, 4}},       TypeRow{GgmlType::kF16, "F16", {1, 2}},
    TypeRow{GgmlType::kBF16, "BF16", {1, 2}},     TypeRow{GgmlType::kQ4_0, "Q4_0", {32, 18}},
    TypeRow{GgmlType::kQ4_1, "Q4_1", {32, 20}},   TypeRow{GgmlType::kQ5_0, "Q5_0", {32, 22}},
    TypeRow{GgmlType::kQ5_1, "Q5_1", {32, 24}},   TypeRow{GgmlType::kQ8_0, "Q8_0", {32, 34}},
    TypeRow{GgmlType::kQ4_K, "Q4_K", {256, 144}}, TypeRow{GgmlType::kQ5_K, "Q5_K", {256, 176}},
    TypeRow{GgmlType::kQ6_K, "Q6_K", {256, 210}}, TypeRow{GgmlType::kMXFP4, "MXFP4", {32, 17}},
};

const TypeRow* find_row(std::uint32_t number) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const TypeRow& row) { return static_cast<std::uint32_t>(row.type) == number; });
  return found == kTypes.end() ? nullptr : &*found;
}

const TypeRow& row_of(GgmlType type) {
  const TypeRow* row = find_row(static_cast<std::uint32_t>(type));
  if (row == nullptr) throw Error("GgmlType", fmt::format("the value {}", static_cast<int>(type)), "an enumerator");
  return *row;
}

// Reads forward through the file; every step is checked against its end.
class Cursor {
 public:
  explicit Cursor(const MappedFile& map) : map_(map) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return map_.size() - position_; }
  std::string file() const { return map_.path().string(); }

  std::span<const std::byte> take(std::uint64_t length, std::string_view what) {
    const auto bytes = map_.view(position_, length, what);
    position_ += length;
    return bytes;
  }

  template <class T>
  T number(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  std::string text(std::uint64_t limit, std::string_view what) {
    const auto length = number<std::uint64_t>(what);
    if (length > limit || length > remaining()) {
      throw Error(file(), fmt::format("{} of {} bytes", what, length),
                  fmt::format("at most {}", std::min(limit, remaining())));
    }
    const auto bytes = take(length, what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  const MappedFile& map_;
  std::uint64_t position_ = 0;
};

enum class ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64
};

bool read_bool(Cursor& cursor, const std::string& where) {
  const auto byte = cursor.number<std::uint8_t>("a truth value");
  if (byte > 1) throw Error(where, fmt::format("the truth value {}", byte), "0 or 1");
  return byte == 1;
}

// A whole number of any type but u64 as std::int64_t; nullopt when the type is none of them.
std::optional<std::int64_t> read_integer(Cursor& cursor, ValueType type) {
  constexpr std::string_view kWhat = "a number";
  switch (type) {
    case ValueType::kU8:
      return cursor.number<std::uint8_t>(kWhat);
    case ValueType::kI8:
      return cursor.number<std::int8_t>(kWhat);
    case ValueType::kU16:
      return cursor.number<std::uint16_t>(kWhat);
    case ValueType::kI16:
      return cursor.number<std::int16_t>(kWhat);
    case ValueType::kU32:
      return cursor.number<std::uint32_t>(kWhat);
    case ValueType::kI32:
      return cursor.number<std::int32_t>(kWhat);
    case ValueType::kI64:
      return cursor.number<std::int64_t>(kWhat);
    default:
      return std::nullopt;
  }
}

std::uint64_t least_bytes(ValueType type) {
  switch (type) {
    case ValueType::kU16:
    case ValueType::kI16:
      return 2;
    case ValueType::kU32:
    case ValueType::kI32:
    case ValueType::kF32:
      return 4;
    case ValueType::kString:
    case ValueType::kU64:
    case ValueType::kI64:
    case ValueType::kF64:
      return 8;
    default:
      return 1;
  }
}

std::int64_t small_u64(Cursor& cursor, const std::string& where) {
  const auto value = cursor.number<std::uint64_t>("a number");
  if (value > static_cast<std::uint64_t>(INT64_MAX)) throw Error(where, fmt::format("{}", value), "below 2^63");
  return static_cast<std::int64_t>(value);
}

GgufArray read_array(Cursor& cursor, const std::string& where) {
  const auto type = static_cast<ValueType>(cursor.number<std::uint32_t>("an array's type"));
  const auto count = cursor.number<std::uint64_t>("an array's length");
  if (type >= ValueType::kArray && type != ValueType::kU64 && type != ValueType::kI64 && type != ValueType::kF64) {
    throw Error(where, fmt::format("an array of type {}", static_cast<std::uint32_t>(type)), "numbers or strings");
  }
  if (count > kMaxArray || count > cursor.remaining() / least_bytes(type)) {
    throw Error(where, fmt::format("an array of {}", count),
                fmt::format("at most {}", std::min(kMaxArray, cursor.remaining() / least_bytes(type))));
  }
  if (type == ValueType::kString) {
    std::vector<std::string> texts;
    for (std::uint64_t i = 0; i < count; ++i) texts.push_back(cursor.text(cursor.remaining(), "a string"));
    return texts;
  }
  if (type == ValueType::kF32 || type == ValueType::kF64) {
    std::vector<double> numbers;
    for (std::uint64_t i = 0; i < count; ++i) {
      numbers.push_back(type == ValueType::kF32 ? static_cast<double>(cursor.number<float>("a number"))
                                                : cursor.number<double>("a number"));
    }
    return numbers;
  }
  std::vector<std::int64_t> integers;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (type == ValueType::kBool) {
      integers.push_back(read_bool(cursor, where) ? 1 : 0);
    } else if (type == ValueType::kU64) {
      integers.push_back(small_u64(cursor, where));
    } else {
      integers.push_back(*read_integer(cursor, type));
    }
  }
  return integers;
}

GgufValue read_value(Cursor& cursor, const std::string& where) {
  const auto type = static_cast<ValueType>(cursor.number<std::uint32_t>("a value's type"));
  if (const auto integer = read_integer(cursor, type)) return *integer;
  switch (type) {
    case ValueType::kU64:
      return cursor.number<std::uint64_t>("a number");
    case ValueType::kF32:
      return static_cast<double>(cursor.number<float>("a number"));
    case ValueType::kF64:
      return cursor.number<double>("a number");
    case ValueType::kBool:
      return read_bool(cursor, where);
    case ValueType::kString:
      return cursor.text(cursor.remaining(), "a string");
    case ValueType::kArray:
      return read_array(cursor, where);
    default:
      throw Error(where, fmt::format("value type {}", static_cast<std::uint32_t>(type)), "0 to 12");
  }
}

std::uint64_t bounded_count(Cursor& cursor, std::string_view what, std::uint64_t limit) {
  const auto count = cursor.number<std::uint64_t>(what);
  if (count > limit) throw Error(cursor.file(), fmt::format("{} {}", count, what), fmt::format("at most {}", limit));
  return count;
}

struct TensorInfo {
  std::string name;
  GgmlType type;
  std::vector<std::int64_t> shape;
  std::uint64_t offset, bytes;
};

// [out, in] from ggml's order, fastest dimension first, with its bytes.
void read_shape(Cursor& cursor, const std::string& where, TensorInfo& info) {
  const auto dimensions = cursor.number<std::uint32_t>("a tensor's dimensions");
  if (dimensions < 1 || dimensions > kMaxDimensions) {
    throw Error(where, fmt::format("{} dimensions", dimensions), fmt::format("1 to {}", kMaxDimensions));
  }
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto size = cursor.number<std::uint64_t>("a tensor's size");
    // 2^58 elements of the widest type still count their bits in 64 bits.
    if (size == 0 || __builtin_mul_overflow(elements, size, &elements) || elements > std::uint64_t{1} << 58) {
      throw Error(where, fmt::format("the size {} in dimension {}", size, i), "sizes whose product is a real tensor");
    }
    info.shape.insert(info.shape.begin(), static_cast<std::int64_t>(size));
  }
  info.bytes = elements;
}

TensorInfo read_tensor_info(Cursor& cursor) {
  TensorInfo info{};
  info.name = cursor.text(kMaxKeyLength, "a tensor's name");
  const std::string where = fmt::format("{} tensor {}", cursor.file(), shown_name(info.name));
  read_shape(cursor, where, info);
  const auto number = cursor.number<std::uint32_t>("a tensor's type");
  const TypeRow* row = find_row(number);
  if (row == nullptr) {
    throw Error(where, fmt::format("ggml type {}", number),
                "F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K or MXFP4");
  }
  info.type = row->type;
  if (info.shape.back() % row->block.elements != 0) {
    throw Error(where, fmt::format("rows of {}", info.shape.back()),
                fmt::format("a multiple of {} for {}", row->block.elements, row->name));
  }
  info.bytes =
      info.bytes / static_cast<std::uint64_t>(row->block.elements) * static_cast<std::uint64_t>(row->block.bytes);
  info.offset = cursor.number<std::uint64_t>("a tensor's offset");
  return info;
}

void require_apart(std::vector<TensorInfo>& infos, const std::string& file) {
  std::sort(infos.begin(), infos.end(), [](const TensorInfo& a, const TensorInfo& b) { return a.offset < b.offset; });
  for (std::size_t i = 1; i < infos.size(); ++i) {
    if (infos[i].offset - infos[i - 1].offset >= infos[i - 1].bytes) continue;
    throw Error(file,
                fmt::format("tensors {} and {} overlap", shown_name(infos[i - 1].name), shown_name(infos[i].name)),
                "tensors apart from each other");
  }
}

std::uint64_t read_alignment(std::optional<std::int64_t> written, const std::string& file) {
  const std::uint64_t alignment = written ? static_cast<std::uint64_t>(*written) : kDefaultAlignment;
  if (alignment < 8 || alignment > kMaxAlignment || !std::has_single_bit(alignment)) {
    throw Error(file, fmt::format("general.alignment {}", *written),
                fmt::format("a power of two, 8 to {}", kMaxAlignment));
  }
  return alignment;
}

template <class T>
std::optional<T> value_as(const std::map<std::string, GgufValue>& metadata, const std::string& key,
                          const std::string& file, const char* wanted) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return std::nullopt;
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  throw Error(file, fmt::format("metadata {} of another type", shown_name(key)), wanted);
}

template <class T>
const std::vector<T>* array_as(const std::map<std::string, GgufValue>& metadata, const std::string& key,
                               const std::string& file, const char* wanted) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return nullptr;
  if (const auto* array = std::get_if<GgufArray>(&found->second)) {
    if (const auto* values = std::get_if<std::vector<T>>(array)) return values;
  }
  throw Error(file, fmt::format("metadata {} of another type", shown_name(key)), wanted);
}

}  // namespace

std::string_view name_of(GgmlType type) {
  return row_of(type).name;
}

GgmlBlock block_of(GgmlType type) {
  return row_of(type).block;
}

GgufFile::GgufFile(const std::filesystem::path& path) : map_(path) {
  Cursor cursor(map_);
  const auto magic = cursor.take(4, "the magic GGUF");
  if (std::memcmp(magic.data(), "GGUF", 4) != 0)
    throw Error(path.string(), "no magic GGUF at its begin", "a GGUF file");
  const auto version = cursor.number<std::uint32_t>("the version");
  if (version != 2 && version != 3) throw Error(path.string(), fmt::format("GGUF version {}", version), "2 or 3");
  const auto tensor_count = bounded_count(cursor, "tensors", std::min(kMaxTensors, map_.size() / kMinTensorBytes));
  const auto key_count = bounded_count(cursor, "metadata entries", std::min(kMaxKeys, map_.size() / kMinKeyBytes));
  for (std::uint64_t i = 0; i < key_count; ++i) {
    const std::string key = cursor.text(kMaxKeyLength, "a key");
    const std::string where = fmt::format("{} metadata {}", path.string(), shown_name(key));
    if (metadata_.contains(key)) throw Error(where, "it twice", "each key once");
    metadata_.emplace(key, read_value(cursor, where));
  }
  std::vector<TensorInfo> infos;
  for (std::uint64_t i = 0; i < tensor_count; ++i) infos.push_back(read_tensor_info(cursor));
  const std::uint64_t alignment = read_alignment(integer("general.alignment"), path.string());
  const std::uint64_t data = (cursor.position() + alignment - 1) / alignment * alignment;
  for (const TensorInfo& info : infos) {
    const std::string where = fmt::format("{} tensor {}", path.string(), shown_name(info.name));
    if (info.offset % alignment != 0 || info.offset > map_.size()) {
      throw Error(where, fmt::format("offset {}", info.offset), fmt::format("a multiple of {} in the file", alignment));
    }
    GgufTensor tensor{info.type, info.shape,
                      map_.view(data + info.offset, info.bytes, "tensor " + shown_name(info.name))};
    if (!tensors_.emplace(info.name, std::move(tensor)).second) throw Error(where, "it twice", "each tensor once");
  }
  require_apart(infos, path.string());
}

std::optional<std::int64_t> GgufFile::integer(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) return std::nullopt;
  if (const auto* value = std::get_if<std::int64_t>(&found->second)) return *value;
  const auto* large = std::get_if<std::uint64_t>(&found->second);
  if (large != nullptr && *large <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(*large);
  throw Error(path().string(), fmt::format("metadata {} of another type", shown_name(key)), "a whole number");
}

std::optional<double> GgufFile::number(const std::string& key) const {
  return value_as<double>(metadata_, key, path().string(), "a floating-point number");
}

std::optional<std::string> GgufFile::string(const std::string& key) const {
  return value_as<std::string>(metadata_, key, path().string(), "a string");
}

std::optional<bool> GgufFile::boolean(const std::string& key) const {
  return value_as<bool>(metadata_, key, path().string(), "a truth value");
}

const std::vector<std::string>* GgufFile::strings(const std::string& key) const {
  return array_as<std::string>(metadata_, key, path().string(), "an array of strings");
}

const std::vector<std::int64_t>* GgufFile::integers(const std::string& key) const {
  return array_as<std::int64_t>(metadata_, key, path().string(), "an array of whole numbers");
}

const std::vector<double>* GgufFile::numbers(const std::string& key) const {
  return array_as<double>(metadata_, key, path().string(), "an array of floating-point numbers");
}

const GgufTensor& GgufFile::tensor(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw Error(path().string(), fmt::format("no tensor {}", shown_name(name)), "that tensor");
  return found->second;
}

}  // namespace qreason
