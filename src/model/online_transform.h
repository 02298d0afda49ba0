// OnlineTransform: an invertible linear map that the decoder applies to rows while it runs; its inverse is folded into
// the weights that read them (QuaRot, arXiv 2404.00456; FlatQuant, arXiv 2410.09426).
//
// A row is cut into consecutive runs of left x right values; each run, as a matrix X [left, right] (row-major), becomes
//
//   L^T X R         that is, x (L kron R) for the run as a row vector
//
// Text form (parse and print round-trip):
//   hadamard128           right is the Sylvester matrix of order 128 (a power of two) over sqrt(128); left is one
//   hadamard1536/12       order 1536 = 12 x 128: left is a tensor of order 12 with L L^T = 12 I, the +-1 of Hadamard's
//                         other orders; right is Sylvester's +-1 of order 128; their product over sqrt(1536)
//   hadamard24/12x128     the same of order 24 = 12 x 2 for 24 neighbours of 128 numbers each, number by number: mixes
//                         24 heads of 128
//   kronecker64x80        left [64, 64] and right [80, 80] are tensors
//   dense128              right [128, 128] is a tensor, left is one
//   across12x128          left [12, 12] is a tensor, right is one: mixes 12 heads of 128, channel by channel
// Suffix -each: every run of the row has matrices of its own (tensors [runs, n, n]); without it all share one [n, n].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qreason {

enum class TransformKind : std::uint8_t { kHadamard, kKronecker, kDense, kAcross };
enum class RunMatrices : std::uint8_t { kShared, kOwn };

struct OnlineTransform {
  TransformKind kind = TransformKind::kHadamard;
  std::int64_t left = 1;   // kHadamard: the order of the factor that is a tensor, 1: none
  std::int64_t right = 1;  // kHadamard: a power of two
  std::int64_t lanes = 1;  // kHadamard: every value of the run is so many numbers side by side
  RunMatrices matrices = RunMatrices::kShared;

  bool operator==(const OnlineTransform&) const = default;
  std::int64_t run() const { return left * right * lanes; }
  bool left_is_tensor() const { return kind == TransformKind::kHadamard ? left > 1 : kind != TransformKind::kDense; }
  bool right_is_tensor() const { return kind == TransformKind::kKronecker || kind == TransformKind::kDense; }
};

// Throws Error (usage) naming the text and what would be accepted; sizes are 1 to 2^20.
OnlineTransform parse_online_transform(std::string_view text);
std::string to_string(const OnlineTransform& transform);
// Whether a word is meant to be a transform: it begins with the name of a kind.
bool names_transform(std::string_view word);

// Sums, differences and products that the transform takes for a row of `width` numbers: for each number log2(right) and
// the scale of Sylvester's factor, and 2 n for a factor of order n that is a tensor.
std::int64_t transform_flops(const OnlineTransform& transform, std::int64_t width);

}  // namespace qreason
