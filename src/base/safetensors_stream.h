// A safetensors file written tensor by tensor, in pieces: memory is that of a piece.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "base/streamed_file.h"

namespace qreason {

// A tensor that will be written.
struct SafetensorsSlot {
  std::string name;
  SafetensorsType type;
  std::vector<std::int64_t> shape;
};
std::uint64_t bytes_of(const SafetensorsSlot& slot);  // an Error naming it where its bytes cannot be counted

// The file's layout is write_safetensors': the same tensors give the same bytes, in whatever order they are written.
class SafetensorsStream {
 public:
  // The header needs to know all tensors.
  SafetensorsStream(const std::filesystem::path& path, std::vector<SafetensorsSlot> slots,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

  // The next bytes of a tensor. Errors: a tensor that was not announced, more bytes than it has.
  void write(const std::string& name, std::span<const std::byte> bytes);
  // Complete or absent. An Error: a tensor of which bytes are missing.
  void finish();

 private:
  struct Place {
    std::uint64_t next, end;  // where its next byte goes
  };
  StreamedFile file_;
  std::string path_;
  std::map<std::string, Place> places_;
};

}  // namespace qreason
