#include "tokenizer/byte_symbols.h"

#include <array>
#include <cstdint>

#include "tokenizer/unicode.h"

namespace qreason {
namespace {

// Bytes that are printable in Latin-1 stand for themselves, the others for U+0100, U+0101, ... in order.
struct SymbolTables {
  std::array<std::string, 256> of_byte;
  std::array<std::int16_t, 0x180> byte_of;  // -1: no symbol

  SymbolTables() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      const char32_t symbol = printable ? static_cast<char32_t>(byte) : next++;
      append_utf8(of_byte[static_cast<std::size_t>(byte)], symbol);
      byte_of[symbol] = static_cast<std::int16_t>(byte);
    }
  }
};

const SymbolTables& tables() {
  static const SymbolTables instance;
  return instance;
}

}  // namespace

std::string_view symbol_of_byte(unsigned char byte) {
  return tables().of_byte[byte];
}

std::string bytes_to_symbols(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) spelling += symbol_of_byte(static_cast<unsigned char>(byte));
  return spelling;
}

std::optional<std::string> symbols_to_bytes(std::string_view spelling) {
  const auto& byte_of = tables().byte_of;
  std::string bytes;
  bytes.reserve(spelling.size());
  for (std::size_t i = 0; i < spelling.size();) {
    const DecodedChar symbol = decode_valid(spelling.data() + i);
    if (symbol.codepoint >= byte_of.size() || byte_of[symbol.codepoint] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte_of[symbol.codepoint]));
    i += symbol.length;
  }
  return bytes;
}

}  // namespace qreason
