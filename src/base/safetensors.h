// safetensors files: memory-mapped reading with every check of the format's specification, and deterministic writing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace qreason {

enum class SafetensorsType {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3Fnuz,
  kF8E5M2Fnuz,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,
  kF64,
  kI64,
  kU64,
  kF4,
  kF6E2M3,
  kF6E3M2
};
std::string_view name_of(SafetensorsType type);
int bits_of(SafetensorsType type);

struct SafetensorsEntry {
  SafetensorsType type;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0, size = 0;  // its bytes in the file; not necessarily aligned
};

class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  const std::filesystem::path& path() const { return file_.path(); }
  const std::map<std::string, SafetensorsEntry>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const SafetensorsEntry& entry(const std::string& name) const;  // Error naming file and tensor when absent
  bool contains(const std::string& name) const { return entries_.contains(name); }
  // A tensor's bytes, mapped for as long as the result lives; Errors as entry()'s.
  MappedBytes bytes(const std::string& name) const;

  // Copies out; an Error when type or shape is another one.
  std::vector<float> read_f32(const std::string& name, std::span<const std::int64_t> shape = {}) const;
  std::vector<std::int32_t> read_i32(const std::string& name) const;

 private:
  OpenedFile file_;
  std::map<std::string, SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

// Tensors to write; laid out by descending element size, then name (so that all are aligned), header padded to 8 bytes.
// The same tensors give the same bytes, whatever their order here. Complete or absent; nothing is copied in memory.
struct SafetensorsTensor {
  std::string name;
  SafetensorsType type;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};
void write_safetensors(const std::filesystem::path& path, std::vector<SafetensorsTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace qreason
