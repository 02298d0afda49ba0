// GGUF v3 (and v2) files: bounds-checked metadata and tensors, and the exact decoding of ggml's block formats.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/file.h"
#include "base/parallel.h"

namespace qreason {

enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
  kMXFP4 = 39
};
std::string_view name_of(GgmlType type);
// Elements and bytes of one block.
struct GgmlBlock {
  std::int64_t elements;
  std::int64_t bytes;
};
GgmlBlock block_of(GgmlType type);

struct GgufTensor {
  GgmlType type;
  std::vector<std::int64_t> shape;  // torch order: slowest first ([out, in])
  std::span<const std::byte> bytes;
};

using GgufArray = std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;
using GgufValue = std::variant<std::int64_t, std::uint64_t, double, bool, std::string, GgufArray>;

class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);
  const std::filesystem::path& path() const { return map_.path(); }
  const MappedFile& map() const { return map_; }  // whoever keeps a copy keeps the tensors valid
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }

  std::optional<std::int64_t> integer(const std::string& key) const;  // Error when present with another type
  std::optional<double> number(const std::string& key) const;
  std::optional<std::string> string(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  const std::vector<std::string>* strings(const std::string& key) const;
  const std::vector<std::int64_t>* integers(const std::string& key) const;
  const std::vector<double>* numbers(const std::string& key) const;
  const GgufTensor& tensor(const std::string& name) const;

 private:
  MappedFile map_;
  std::map<std::string, GgufValue> metadata_;
  std::map<std::string, GgufTensor> tensors_;
};

// The float32 values of whole blocks, bit for bit as ggml's dequantize functions compute them (of a NaN only that it is
// one). `out` has as many elements as the blocks. Without a pool the caller's thread does all.
void dequantize_ggml(GgmlType type, std::span<const std::byte> blocks, std::span<float> out,
                     ThreadPool* pool = nullptr);

}  // namespace qreason
