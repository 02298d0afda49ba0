// A linear as the native format keeps it in a safetensors file: dense under NAME.weight, or codes with their scales.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "formats/quant_format.h"
#include "model/weights.h"

namespace qreason {

// What the file's __metadata__ says under NAME.weight: format, columns, groups and group_size as JSON.
struct NativeLayout {
  QuantFormat format;
  std::int64_t rows = 0, columns = 0, groups = 0, group_size = 0;
};

std::string codes_name(const std::string& linear);
std::string scales_name(const std::string& linear);
std::string zeros_name(const std::string& linear);
std::string group_index_name(const std::string& linear);
std::string global_scale_name(const std::string& linear);
// All the names that a quantized linear's tensors may have, its bias aside.
std::vector<std::string> quantized_names(const std::string& linear);

bool is_quantized(const SafetensorsFile& file, const std::string& linear);
// Checks types and shapes of all its tensors against each other; Errors name file and tensor.
NativeLayout native_layout(const SafetensorsFile& file, const std::string& linear);
// The type in which scales are stored: F32, F16, BF16, U8 (E8M0) or F8_E4M3.
SafetensorsType stored_scale_type(ScaleType type);
// Codes unpacked, everything validated; with the bias when the file has one.
LinearWeight read_native_linear(const SafetensorsFile& file, const std::string& linear, ThreadPool* pool = nullptr);

// The metadata text of a matrix, read back by native_layout.
std::string layout_text(const QuantizedMatrix& matrix);
// Codes packed row by row, each row padded to whole bytes.
std::vector<std::uint8_t> packed_rows(const QuantizedMatrix& matrix, ThreadPool* pool);
// Scales as their type stores them.
std::vector<std::byte> packed_scales(const QuantizedMatrix& matrix);

}  // namespace qreason
