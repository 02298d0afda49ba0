// Every rounding step is the one of ggml's reference encoders: float32, nothing fused, the scale that is divided by is
// the one before it is rounded to float16.
#include "checkpoint/ggml_encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "formats/float_codecs.h"

namespace qreason {
namespace {

using Byte = std::uint8_t;

void put_half(float value, Byte* out) {
  const std::uint16_t bits = encode_float16(value);
  std::memcpy(out, &bits, sizeof(bits));
}

// The value of largest magnitude with its sign, the first of equal ones.
float signed_peak(const float* values, int count) {
  float peak = 0, magnitude = 0;
  for (int i = 0; i < count; ++i) {
    if (std::abs(values[i]) > magnitude) {
      magnitude = std::abs(values[i]);
      peak = values[i];
    }
  }
  return peak;
}

float inverse(float scale) {
  return scale != 0 ? 1.0f / scale : 0.0f;
}

// Nibbles of elements j and j + 16 share a byte; what is beyond four bits goes to bits j and j + 16 of a word.
void put_nibbles(const int* codes, Byte* nibbles) {
  for (int j = 0; j < 16; ++j) nibbles[j] = static_cast<Byte>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}
void put_fifth_bits(const int* codes, Byte* word) {
  std::uint32_t bits = 0;
  for (int j = 0; j < 32; ++j) bits |= static_cast<std::uint32_t>(codes[j] >> 4 & 1) << j;
  std::memcpy(word, &bits, sizeof(bits));
}

// Codes around half their range: Q4_0, Q5_0.
float centred_codes(const float* values, int half, int* codes) {
  const float d = signed_peak(values, 32) / static_cast<float>(-half), id = inverse(d);
  for (int j = 0; j < 32; ++j) {
    const auto code = static_cast<int>(values[j] * id + (static_cast<float>(half) + 0.5f));
    codes[j] = std::min(code, 2 * half - 1);
  }
  return d;
}

struct Offset {
  float scale, minimum;
};
// Codes from the smallest value: Q4_1, Q5_1.
Offset offset_codes(const float* values, int highest, int* codes) {
  const auto [low, high] = std::minmax_element(values, values + 32);
  const float minimum = *low, d = (*high - minimum) / static_cast<float>(highest), id = inverse(d);
  for (int j = 0; j < 32; ++j) codes[j] = std::min(static_cast<int>((values[j] - minimum) * id + 0.5f), highest);
  return {d, minimum};
}

struct F32Encoder {
  static constexpr int kElements = 1, kBytes = 4;
  static void encode(const float* in, Byte* out) { std::memcpy(out, in, sizeof(float)); }
};
struct F16Encoder {
  static constexpr int kElements = 1, kBytes = 2;
  static void encode(const float* in, Byte* out) { put_half(*in, out); }
};
struct BF16Encoder {
  static constexpr int kElements = 1, kBytes = 2;
  static void encode(const float* in, Byte* out) {
    const std::uint16_t bits = encode_bfloat16(*in);
    std::memcpy(out, &bits, sizeof(bits));
  }
};
struct Q4_0Encoder {
  static constexpr int kElements = 32, kBytes = 18;
  static void encode(const float* in, Byte* out) {
    int codes[32];
    put_half(centred_codes(in, 8, codes), out);
    put_nibbles(codes, out + 2);
  }
};
struct Q4_1Encoder {
  static constexpr int kElements = 32, kBytes = 20;
  static void encode(const float* in, Byte* out) {
    int codes[32];
    const Offset offset = offset_codes(in, 15, codes);
    put_half(offset.scale, out);
    put_half(offset.minimum, out + 2);
    put_nibbles(codes, out + 4);
  }
};
struct Q5_0Encoder {
  static constexpr int kElements = 32, kBytes = 22;
  static void encode(const float* in, Byte* out) {
    int codes[32];
    put_half(centred_codes(in, 16, codes), out);
    put_fifth_bits(codes, out + 2);
    put_nibbles(codes, out + 6);
  }
};
struct Q5_1Encoder {
  static constexpr int kElements = 32, kBytes = 24;
  static void encode(const float* in, Byte* out) {
    int codes[32];
    const Offset offset = offset_codes(in, 31, codes);
    put_half(offset.scale, out);
    put_half(offset.minimum, out + 2);
    put_fifth_bits(codes, out + 4);
    put_nibbles(codes, out + 8);
  }
};
struct Q8_0Encoder {
  static constexpr int kElements = 32, kBytes = 34;
  static void encode(const float* in, Byte* out) {
    const float d = std::abs(signed_peak(in, 32)) / 127.0f, id = inverse(d);
    put_half(d, out);
    for (int j = 0; j < 32; ++j) out[2 + j] = static_cast<Byte>(static_cast<std::int8_t>(std::round(in[j] * id)));
  }
};
struct Mxfp4Encoder {
  static constexpr int kElements = 32, kBytes = 17;
  static void encode(const float* in, Byte* out) {
    static const QuantFormat kFormat = parse_quant_format("mxfp4");
    const QuantizedMatrix block = round_to_nearest({in, 32}, 1, 32, kFormat);
    encode_ggml_codes(GgmlType::kMXFP4, block, 0, {reinterpret_cast<std::byte*>(out), kBytes});
  }
};
struct Q4_KEncoder {
  static constexpr int kElements = 256, kBytes = 144;
  static void encode(const float* in, Byte* out) { encode_q4_k(in, out); }
};
struct Q6_KEncoder {
  static constexpr int kElements = 256, kBytes = 210;
  static void encode(const float* in, Byte* out) { encode_q6_k(in, out); }
};

template <class Encoder>
void encode_all(std::span<const float> values, std::span<std::byte> blocks, ThreadPool* pool) {
  constexpr std::int64_t kBlocksPerTask = 65536 / Encoder::kElements;
  auto* out = reinterpret_cast<Byte*>(blocks.data());
  const auto count = static_cast<std::int64_t>(values.size()) / Encoder::kElements;
  run_on(pool, (count + kBlocksPerTask - 1) / kBlocksPerTask, [&](std::int64_t task) {
    const std::int64_t end = std::min(count, (task + 1) * kBlocksPerTask);
    for (std::int64_t i = task * kBlocksPerTask; i < end; ++i) {
      Encoder::encode(values.data() + i * Encoder::kElements, out + i * Encoder::kBytes);
    }
  });
}

}  // namespace

void encode_ggml(GgmlType type, std::span<const float> values, std::span<std::byte> blocks, ThreadPool* pool) {
  const GgmlBlock block = block_of(type);
  const auto count = static_cast<std::int64_t>(values.size()) / block.elements;
  if (count * block.elements != static_cast<std::int64_t>(values.size()) ||
      count * block.bytes != static_cast<std::int64_t>(blocks.size())) {
    throw Error(fmt::format("{} blocks", name_of(type)),
                fmt::format("{} values for {} bytes", values.size(), blocks.size()), "whole blocks and their bytes");
  }
  switch (type) {
    case GgmlType::kF32:
      return encode_all<F32Encoder>(values, blocks, pool);
    case GgmlType::kF16:
      return encode_all<F16Encoder>(values, blocks, pool);
    case GgmlType::kBF16:
      return encode_all<BF16Encoder>(values, blocks, pool);
    case GgmlType::kQ4_0:
      return encode_all<Q4_0Encoder>(values, blocks, pool);
    case GgmlType::kQ4_1:
      return encode_all<Q4_1Encoder>(values, blocks, pool);
    case GgmlType::kQ5_0:
      return encode_all<Q5_0Encoder>(values, blocks, pool);
    case GgmlType::kQ5_1:
      return encode_all<Q5_1Encoder>(values, blocks, pool);
    case GgmlType::kQ8_0:
      return encode_all<Q8_0Encoder>(values, blocks, pool);
    case GgmlType::kMXFP4:
      return encode_all<Mxfp4Encoder>(values, blocks, pool);
    case GgmlType::kQ4_K:
      return encode_all<Q4_KEncoder>(values, blocks, pool);
    case GgmlType::kQ6_K:
      return encode_all<Q6_KEncoder>(values, blocks, pool);
    case GgmlType::kQ5_K:
      break;
  }
  throw Error(fmt::format("{} blocks", name_of(type)), "numbers to encode", "a type that numbers are encoded to");
}

}  // namespace qreason
