// Decoding of ggml's block formats. Every rounding step is ggml's own: float32 products in its order, nothing fused.
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/parallel.h"
#include "checkpoint/gguf.h"

namespace qreason {
namespace {

using Byte = std::uint8_t;

float half_at(const Byte* bytes) {
  std::uint16_t bits;
  std::memcpy(&bits, bytes, sizeof(bits));
  return c10::detail::fp16_ieee_to_fp32_value(bits);
}

std::uint32_t word_at(const Byte* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

struct F32Block {
  static constexpr int kElements = 1, kBytes = 4;
  static void decode(const Byte* in, float* out) { std::memcpy(out, in, sizeof(float)); }
};

struct F16Block {
  static constexpr int kElements = 1, kBytes = 2;
  static void decode(const Byte* in, float* out) { *out = half_at(in); }
};

struct BF16Block {
  static constexpr int kElements = 1, kBytes = 2;
  static void decode(const Byte* in, float* out) {
    std::uint16_t bits;
    std::memcpy(&bits, in, sizeof(bits));
    *out = c10::detail::f32_from_bits(bits);
  }
};

// f16 d, 16 bytes: low nibbles are elements 0..15, high ones 16..31.
struct Q4_0Block {
  static constexpr int kElements = 32, kBytes = 18;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in);
    const Byte* codes = in + 2;
    for (int j = 0; j < 16; ++j) {
      out[j] = static_cast<float>((codes[j] & 15) - 8) * d;
      out[j + 16] = static_cast<float>((codes[j] >> 4) - 8) * d;
    }
  }
};

// f16 d, f16 m, nibbles as in Q4_0.
struct Q4_1Block {
  static constexpr int kElements = 32, kBytes = 20;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in), m = half_at(in + 2);
    const Byte* codes = in + 4;
    for (int j = 0; j < 16; ++j) {
      out[j] = static_cast<float>(codes[j] & 15) * d + m;
      out[j + 16] = static_cast<float>(codes[j] >> 4) * d + m;
    }
  }
};

// The fifth bits lie in one word: bit j belongs to element j.
void five_bit_codes(std::uint32_t high, const Byte* nibbles, int* codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = static_cast<int>((nibbles[j] & 15u) | ((high >> j & 1u) << 4));
    codes[j + 16] = static_cast<int>((nibbles[j] >> 4) | ((high >> (j + 16) & 1u) << 4));
  }
}

struct Q5_0Block {
  static constexpr int kElements = 32, kBytes = 22;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in);
    int codes[32];
    five_bit_codes(word_at(in + 2), in + 6, codes);
    for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(codes[j] - 16) * d;
  }
};

struct Q5_1Block {
  static constexpr int kElements = 32, kBytes = 24;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in), m = half_at(in + 2);
    int codes[32];
    five_bit_codes(word_at(in + 4), in + 8, codes);
    for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(codes[j]) * d + m;
  }
};

struct Q8_0Block {
  static constexpr int kElements = 32, kBytes = 34;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in);
    for (int j = 0; j < 32; ++j) out[j] = static_cast<float>(static_cast<std::int8_t>(in[2 + j])) * d;
  }
};

// The eight 6-bit scales and minima of a K block, packed in 12 bytes.
struct SubBlockScale {
  int scale, minimum;
};
SubBlockScale sub_block_scale(const Byte* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4};
}

// f16 d, f16 dmin, 12 bytes of scales, 128 bytes: sub-blocks 2i and 2i+1 are the low and high nibbles of 32 bytes.
struct Q4_KBlock {
  static constexpr int kElements = 256, kBytes = 144;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in), minimum = half_at(in + 2);
    for (int j = 0; j < 8; ++j) {
      const SubBlockScale sub = sub_block_scale(in + 4, j);
      const float scale = d * static_cast<float>(sub.scale), offset = minimum * static_cast<float>(sub.minimum);
      const Byte* codes = in + 16 + 32 * (j / 2);
      const int shift = j % 2 * 4;
      for (int l = 0; l < 32; ++l) out[32 * j + l] = scale * static_cast<float>(codes[l] >> shift & 15) - offset;
    }
  }
};

// As Q4_K, with 32 bytes of fifth bits before the nibbles: bit j of byte l belongs to element l of sub-block j.
struct Q5_KBlock {
  static constexpr int kElements = 256, kBytes = 176;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in), minimum = half_at(in + 2);
    const Byte* high = in + 16;
    for (int j = 0; j < 8; ++j) {
      const SubBlockScale sub = sub_block_scale(in + 4, j);
      const float scale = d * static_cast<float>(sub.scale), offset = minimum * static_cast<float>(sub.minimum);
      const Byte* codes = in + 48 + 32 * (j / 2);
      const int shift = j % 2 * 4;
      for (int l = 0; l < 32; ++l) {
        const int code = (codes[l] >> shift & 15) | (high[l] >> j & 1) << 4;
        out[32 * j + l] = scale * static_cast<float>(code) - offset;
      }
    }
  }
};

// 128 bytes of low nibbles, 64 of high bit pairs, 16 signed scales, f16 d. Each half of 128 elements has four runs
// of 32.
struct Q6_KBlock {
  static constexpr int kElements = 256, kBytes = 210;
  static void decode(const Byte* in, float* out) {
    const float d = half_at(in + 208);
    for (int half = 0; half < 2; ++half) {
      for (int run = 0; run < 4; ++run) {
        const Byte* low = in + 64 * half + 32 * (run % 2);
        const Byte* high = in + 128 + 32 * half;
        const Byte* scales = in + 192 + 8 * half + 2 * run;
        const int low_shift = run / 2 * 4, high_shift = 2 * run;
        for (int l = 0; l < 32; ++l) {
          const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[l / 16]));
          const int code = (low[l] >> low_shift & 15) | (high[l] >> high_shift & 3) << 4;
          out[128 * half + 32 * run + l] = scale * static_cast<float>(code - 32);
        }
      }
    }
  }
};

// An E8M0 scale, nibbles as in Q4_0 of E2M1 codes. ggml holds twice the elements, whole numbers, and half the scale:
// 2^(code - 128), of which the smallest two are subnormal.
struct MXFP4Block {
  static constexpr int kElements = 32, kBytes = 17;
  static void decode(const Byte* in, float* out) {
    constexpr float kDoubled[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
    const auto scale = static_cast<std::uint32_t>(in[0]);
    const float d = std::bit_cast<float>(scale < 2 ? 0x00200000u << scale : (scale - 1) << 23);
    const Byte* codes = in + 1;
    for (int j = 0; j < 16; ++j) {
      out[j] = d * kDoubled[codes[j] & 15];
      out[j + 16] = d * kDoubled[codes[j] >> 4];
    }
  }
};

template <class Block>
void decode_all(std::span<const std::byte> blocks, std::span<float> out, ThreadPool* pool) {
  constexpr std::int64_t kBlocksPerTask = 65536 / Block::kElements;
  const auto* in = reinterpret_cast<const Byte*>(blocks.data());
  const auto count = static_cast<std::int64_t>(blocks.size() / Block::kBytes);
  run_on(pool, (count + kBlocksPerTask - 1) / kBlocksPerTask, [&](std::int64_t task) {
    const std::int64_t end = std::min(count, (task + 1) * kBlocksPerTask);
    for (std::int64_t i = task * kBlocksPerTask; i < end; ++i) {
      Block::decode(in + i * Block::kBytes, out.data() + i * Block::kElements);
    }
  });
}

}  // namespace

void dequantize_ggml(GgmlType type, std::span<const std::byte> blocks, std::span<float> out, ThreadPool* pool) {
  const GgmlBlock block = block_of(type);
  const auto count = static_cast<std::int64_t>(blocks.size()) / block.bytes;
  if (count * block.bytes != static_cast<std::int64_t>(blocks.size()) ||
      count * block.elements != static_cast<std::int64_t>(out.size())) {
    throw Error(fmt::format("{} blocks", name_of(type)),
                fmt::format("{} bytes for {} values", blocks.size(), out.size()),
                "whole blocks with their number of values");
  }
  switch (type) {
    case GgmlType::kF32:
      return decode_all<F32Block>(blocks, out, pool);
    case GgmlType::kF16:
      return decode_all<F16Block>(blocks, out, pool);
    case GgmlType::kBF16:
      return decode_all<BF16Block>(blocks, out, pool);
    case GgmlType::kQ4_0:
      return decode_all<Q4_0Block>(blocks, out, pool);
    case GgmlType::kQ4_1:
      return decode_all<Q4_1Block>(blocks, out, pool);
    case GgmlType::kQ5_0:
      return decode_all<Q5_0Block>(blocks, out, pool);
    case GgmlType::kQ5_1:
      return decode_all<Q5_1Block>(blocks, out, pool);
    case GgmlType::kQ8_0:
      return decode_all<Q8_0Block>(blocks, out, pool);
    case GgmlType::kQ4_K:
      return decode_all<Q4_KBlock>(blocks, out, pool);
    case GgmlType::kQ5_K:
      return decode_all<Q5_KBlock>(blocks, out, pool);
    case GgmlType::kQ6_K:
      return decode_all<Q6_KBlock>(blocks, out, pool);
    case GgmlType::kMXFP4:
      return decode_all<MXFP4Block>(blocks, out, pool);
  }
}

}  // namespace qreason
