// Which instruction set the kernels of every layer use: the best that both the machine and the build have, or what
// QREASON_ISA forces.
#pragma once

#include <string_view>
#include <vector>

namespace qreason {

enum class Isa { kGeneric, kAvx2, kAvx512 };

std::string_view name_of(Isa isa);  // "generic", "avx2", "avx512"
std::vector<Isa> supported_isas();  // by this machine, weakest first
// The one in use. QREASON_ISA naming an unknown or unsupported one is an Error (usage).
Isa current_isa();
void force_isa(Isa isa);  // for tests and benchmarks
// Whether the kernels of bfloat16 dot products may be used: the machine has AVX512_BF16 and AVX512_VBMI, and the
// instruction set in use is the one that they extend.
bool has_bfloat16_dot();
// The same for dot products of bytes (AVX512_VNNI).
bool has_byte_dot();

// Of one thing for each instruction set that of the one in use: a table of kernels, a function.
template <class T>
T& of_isa(T& generic, T& avx2, T& avx512) {
  switch (current_isa()) {
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx2:
      return avx2;
    case Isa::kGeneric:
      break;
  }
  return generic;
}

}  // namespace qreason
