#include "checkpoint/gguf_metadata.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"

namespace qreason {
namespace {

enum ValueType : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kText = 8, kArray = 9 };

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_string(std::string& bytes, std::string_view text) {
  put<std::uint64_t>(bytes, text.size());
  bytes.append(text);
}

}  // namespace

void GgufMetadata::begin(std::string_view key, std::uint32_t type) {
  put_string(bytes_, key);
  put(bytes_, type);
  ++count_;
}

void GgufMetadata::put_u32(std::string_view key, std::int64_t value) {
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(std::string(key), fmt::format("{}", value), "a number of 32 bits");
  }
  begin(key, kU32);
  put(bytes_, static_cast<std::uint32_t>(value));
}

void GgufMetadata::put_f32(std::string_view key, double value) {
  begin(key, kF32);
  put(bytes_, static_cast<float>(value));
}

void GgufMetadata::put_bool(std::string_view key, bool value) {
  begin(key, kBool);
  put<std::uint8_t>(bytes_, value ? 1 : 0);
}

void GgufMetadata::put_text(std::string_view key, std::string_view value) {
  begin(key, kText);
  put_string(bytes_, value);
}

void GgufMetadata::put_texts(std::string_view key, std::span<const std::string> values) {
  begin(key, kArray);
  put<std::uint32_t>(bytes_, kText);
  put<std::uint64_t>(bytes_, values.size());
  for (const std::string& value : values) put_string(bytes_, value);
}

void GgufMetadata::put_i32s(std::string_view key, std::span<const std::int64_t> values) {
  begin(key, kArray);
  put<std::uint32_t>(bytes_, kI32);
  put<std::uint64_t>(bytes_, values.size());
  for (const std::int64_t value : values) put(bytes_, static_cast<std::int32_t>(value));
}

void GgufMetadata::put_f32s(std::string_view key, std::span<const double> values) {
  begin(key, kArray);
  put<std::uint32_t>(bytes_, kF32);
  put<std::uint64_t>(bytes_, values.size());
  for (const double value : values) put(bytes_, static_cast<float>(value));
}

void GgufMetadata::put_all(const GgufMetadata& other) {
  bytes_ += other.bytes_;
  count_ += other.count_;
}

}  // namespace qreason
