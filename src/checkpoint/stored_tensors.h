// Tensors of other tools' checkpoints as arrays, each with a check of type and shape; Errors name file and tensor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/packed_words.h"
#include "checkpoint/safetensors_folder.h"
#include "formats/quant_format.h"

namespace qreason {

std::string where_of(const SafetensorsFolder& folder, const std::string& tensor);

// An Error unless the tensor is there with that type and shape.
void require_tensor(const SafetensorsFolder& folder, const std::string& tensor, SafetensorsType type,
                    const std::vector<std::int64_t>& shape);
// The same for float16, bfloat16 or float32, whichever it is: the type of scales.
ScaleType require_scales(const SafetensorsFolder& folder, const std::string& tensor,
                         const std::vector<std::int64_t>& shape);

// Copies. The bytes as numbers of 1, 4 or 8 bytes; whoever asks has required the type.
std::vector<std::uint8_t> bytes_of(const SafetensorsFolder& folder, const std::string& tensor);
std::vector<std::uint32_t> words_of(const SafetensorsFolder& folder, const std::string& tensor);
std::vector<std::int64_t> integers_of(const SafetensorsFolder& folder, const std::string& tensor);
// float16, bfloat16 and float32 exactly as float32; E4M3 and bytes (E8M0) decoded.
std::vector<float> floats_of(const SafetensorsFolder& folder, const std::string& tensor);

// [rows, columns] of [columns, rows].
std::vector<float> transposed(const std::vector<float>& values, std::int64_t rows, std::int64_t columns);

// Codes [rows, columns] of a tensor of words, which must have the shape that they take.
void require_words(const SafetensorsFolder& folder, const std::string& tensor, const WordLayout& layout, int bits,
                   std::int64_t rows, std::int64_t columns);
std::vector<std::uint8_t> codes_of(const SafetensorsFolder& folder, const std::string& tensor, const WordLayout& layout,
                                   int bits, std::int64_t rows, std::int64_t columns, ThreadPool* pool);

}  // namespace qreason
