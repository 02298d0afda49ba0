// Numbers and codes as ggml's blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/parallel.h"
#include "checkpoint/gguf.h"
#include "formats/quantized_matrix.h"

namespace qreason {

// Whole blocks of float32 values. F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 as ggml's reference encoders have
// them, byte for byte (checkpoint_formats.md, section 6.2); MXFP4 by our own rounding (the scale rule of the OCP
// specification); Q4_K and Q6_K by a search of our own, whose scales minimize the squared error weighted by the
// magnitude of the values (the K formats leave that to the encoder). An Error: a type that nothing is encoded to
// (Q5_K), a scale beyond float16.
void encode_ggml(GgmlType type, std::span<const float> values, std::span<std::byte> blocks, ThreadPool* pool = nullptr);

// Single blocks of the K types: 256 values, 144 and 210 bytes.
void encode_q4_k(const float* values, std::uint8_t* block);
void encode_q6_k(const float* values, std::uint8_t* block);

// The type whose blocks hold the matrix exactly; scales are float16 numbers already. Symmetric codes of b bits reach
// from -2^(b-1), differences of asymmetric codes from their zero points to 2^b - 1 in either direction: up to 4 bits of
// range fit Q4_0, 5 Q5_0, 8 Q8_0. Asymmetric codes of 4 bits become Q4_1 where every -scale * zero is a float16, which
// few are, and Q5_0 otherwise. MXFP4 is MXFP4. An Error naming `where`: other float formats, groups that are no
// multiple of 32 columns, columns in the order of activations, differences beyond 8 bits.
GgmlType exact_ggml_type(const QuantizedMatrix& matrix, const std::string& where);

// One row in that type.
void encode_ggml_codes(GgmlType type, const QuantizedMatrix& matrix, std::int64_t row, std::span<std::byte> blocks);

}  // namespace qreason
