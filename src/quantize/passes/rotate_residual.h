// Rotates the residual stream (methods.md, section 9, step 2; Ashkboos et al. 2024, QuaRot, section 3, after SliceGPT):
// with Q = diag(signs) H / sqrt(n), H a Hadamard matrix of the hidden size as HadamardRotation applies it,
//
//     embedding E Q    q, k, v, gate, up: W Q    o, down: Q^T W, Q^T b    head: W Q
//
// An RMSNorm without gain commutes with Q, so fold_norms comes first, which also unties the head. float64, rounded
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "quantize/pass.h"

namespace qreason {

struct ResidualRotation {
  // Of the diagonal, one a channel: "+-+..", or drawn: 2 (u & 1) - 1, u the successive 32-bit outputs of MT19937 seeded
  // with `seed` (init_genrand).
  std::optional<std::string> signs = std::nullopt;
  std::uint32_t seed = 0;
  // 0: a matrix of the whole hidden size, an Error where none is known. Else a block-diagonal one of blocks of this
  // order.
  std::int64_t block = 0;
};

// Signs that are no text of "+" and "-" are an Error (usage).
PassPointer rotate_residual(const ResidualRotation& rotation);
PassPointer read_rotate_residual(ParameterReader& parameters);

}  // namespace qreason
