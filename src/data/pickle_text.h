// Text that Python's pickle holds, read without an unpickler.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qreason {

// What text may come to when it is unpacked or decoded.
inline constexpr std::uint64_t kMostDecodedText = std::uint64_t{256} << 20;

// The one text of a pickle of protocol 0 to 5: opcodes are looked at one by one, those that name, number, frame or hold
// a text are known, all others refused, so that nothing can be built or called. Error naming `where`: another opcode,
// lengths beyond the end, no STOP or bytes behind it, text that is not UTF-8.
std::string unpickle_text(std::string_view pickle, const std::string& where);

// base64(zlib(bytes)). Errors naming `where`: characters outside of base64, a damaged or cut stream, more than
// kMostDecodedText.
std::string decode_base64(std::string_view text, const std::string& where);
std::string inflate_zlib(std::string_view packed, const std::string& where);

}  // namespace qreason
