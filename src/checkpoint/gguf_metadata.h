// The metadata of a GGUF file to write.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

// Entries in the order in which they are put; each key once, which is the caller's business.
class GgufMetadata {
 public:
  void put_u32(std::string_view key, std::int64_t value);  // an Error beyond 32 bits
  void put_f32(std::string_view key, double value);
  void put_bool(std::string_view key, bool value);  // NOLINT: a value of the format
  void put_text(std::string_view key, std::string_view value);
  void put_texts(std::string_view key, std::span<const std::string> values);
  void put_i32s(std::string_view key, std::span<const std::int64_t> values);
  void put_f32s(std::string_view key, std::span<const double> values);
  void put_all(const GgufMetadata& other);

  std::uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }  // as they stand in the file

 private:
  void begin(std::string_view key, std::uint32_t type);

  std::uint64_t count_ = 0;
  std::string bytes_;
};

}  // namespace qreason
