// GGUF v3 files, written tensor after tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/streamed_file.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_metadata.h"

namespace qreason {

// A tensor that will be written; the shape in torch's order, [out, in].
struct GgufSlot {
  std::string name;
  GgmlType type;
  std::vector<std::int64_t> shape;
};
std::uint64_t bytes_of(const GgufSlot& slot);

// Complete or absent; a pipe may be the target, since everything is written in order.
class GgufWriter {
 public:
  // Errors: a name longer than ggml takes, rows that are no whole number of blocks.
  GgufWriter(const std::filesystem::path& path, const GgufMetadata& metadata, std::vector<GgufSlot> slots,
             IfExists if_exists = IfExists::kReplace);

  // The next bytes: tensors one after another, in the order of the slots, each in pieces of any size.
  void append(std::span<const std::byte> bytes);
  void finish();  // an Error: bytes missing

 private:
  void pad();

  StreamedFile file_;
  std::vector<GgufSlot> slots_;
  std::size_t current_ = 0;
  std::uint64_t left_ = 0;  // of the current slot
};

}  // namespace qreason
