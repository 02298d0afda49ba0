// Dense bit packing of b-bit codes, least significant bit first, across byte borders (3 bits: 8 codes in 3 bytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace qreason {

std::size_t packed_bytes(std::size_t codes, int bits);
// out must have packed_bytes(codes.size(), bits) bytes; unused bits of the last byte are 0. A code that does not fit in
// `bits` is an Error.
void pack_codes(std::span<const std::uint8_t> codes, int bits, std::span<std::uint8_t> out);
void unpack_codes(std::span<const std::uint8_t> packed, int bits, std::span<std::uint8_t> codes);

}  // namespace qreason
