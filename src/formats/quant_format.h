// QuantFormat: a number format as a value. Nothing in the project passes bits, group and mode as loose integers.
//
// Text form (parse and print round-trip):
//   w4g128-asym   weights, 4-bit integers, groups of 128 along `in`, asymmetric
//   w8c-sym       weights, 8-bit integers, one scale per output channel, symmetric
//   w3g128-asym-mse         the same with the MSE range search; w4g128-asym-true with the true-range rule
//   a8-token-asym           activations, per token; a4-token-asym-clip0.9 with a clip ratio
//   k4-head-asym, v4-head-asym-clip0.95, kv8-g64-asym    key/value cache, per token and head or per token and group
//   fp8e4m3, fp8e5m2, fp4e2m1, mxfp8e4m3, mxfp8e5m2, mxfp4, nvfp4
//                           float formats; the prefix w:, a:, k:, v: or kv: gives the role (none: weights). Scales of
//                           the first three: float32, per channel (w), token (a) or tensor (k, v, kv) unless a suffix
//                           says otherwise (-tensor, -channel, -token, -head, -g64); the mx ones one E8M0 scale per 32,
//                           nvfp4 one E4M3 scale per 16.
// Suffixes in any order: -sym|-asym, a range rule that is not the role's own (-true, -zero, -token-range, -full;
// weights have zero-range, all others token-range), -mse, -clip<ratio>, and -sf16 or -sbf16 where the text's scales
// would be float32: they are then rounded to float16 or bfloat16 as soon as they are found, so that zero points, range
// search and codes are those of the scales that a checkpoint stores. Printing gives the order above.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qreason {

enum class NumberKind : std::uint8_t { kInteger, kFp8E4M3, kFp8E5M2, kFp4E2M1 };
enum class Symmetry : std::uint8_t { kSymmetric, kAsymmetric };
enum class Granularity : std::uint8_t { kTensor, kChannel, kGroup, kToken, kTokenGroup, kHead };
// The three named range rules of the specification (methods.md, section 1).
// The full range is compressed-tensors' own: symmetric integers whose 2^bits codes share the range from -max|x| to
// max|x|, so that the scale is max|x| / (2^(bits-1) - 1/2) and -2^(bits-1) is in use.
enum class RangeRule : std::uint8_t { kTrueRange, kZeroRange, kTokenRange, kFullRange };
enum class RangeSearch : std::uint8_t { kNone, kMse };
enum class ScaleType : std::uint8_t { kFloat32, kFloat16, kBFloat16, kE8M0, kE4M3 };
enum class Role : std::uint8_t { kWeight, kActivation, kKey, kValue, kKeyValue };

struct QuantFormat {
  Role role = Role::kWeight;
  NumberKind kind = NumberKind::kInteger;
  int bits = 8;  // integers 2..8; 8 for FP8, 4 for FP4
  Symmetry symmetry = Symmetry::kAsymmetric;
  Granularity granularity = Granularity::kChannel;
  int group_size = 0;  // elements of a group for kGroup and kTokenGroup, else 0
  RangeRule rule = RangeRule::kZeroRange;
  RangeSearch search = RangeSearch::kNone;
  float clip_ratio = 1.0f;  // (0, 1], token-range only
  ScaleType scale_type = ScaleType::kFloat32;

  bool operator==(const QuantFormat&) const = default;

  // Largest code: 2^bits - 1 (asymmetric) or 2^(bits-1) - 1 (symmetric).
  int max_code() const;
  // What unsigned storage adds to a symmetric code: 2^(bits-1); 0 for asymmetric ones.
  int code_offset() const;

  QuantFormat with_search(RangeSearch value) const;
  QuantFormat with_rule(RangeRule value) const;
  QuantFormat clipped(float ratio) const;
  QuantFormat with_scale_type(ScaleType value) const;
};

// Throws Error (usage) naming `where` when the fields contradict each other: bits, granularity and role, group size, an
// MSE search or clip ratio under a rule that has none.
void validate(const QuantFormat& format, const std::string& where);

// Throws Error (usage) naming the text and the part that is wrong, with what would be accepted.
QuantFormat parse_quant_format(std::string_view text);
std::string to_string(const QuantFormat& format);

}  // namespace qreason
