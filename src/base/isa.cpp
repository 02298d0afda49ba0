#include "base/isa.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace qreason {
namespace {

constexpr Isa kAll[] = {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512};
constexpr int kUnknown = -1;
std::atomic<int> chosen{kUnknown};

bool supported(Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kGeneric:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    case Isa::kAvx512:
      return supported(Isa::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
  return false;
#else
  return isa == Isa::kGeneric;
#endif
}

std::string names_of_supported() {
  std::string names;
  for (const Isa isa : supported_isas()) {
    if (!names.empty()) names += ", ";
    names += name_of(isa);
  }
  return names;
}

Isa choose() {
  const char* wanted = std::getenv("QREASON_ISA");
  if (wanted == nullptr || *wanted == '\0') return supported_isas().back();
  for (const Isa isa : kAll) {
    if (name_of(isa) == wanted && supported(isa)) return isa;
  }
  const bool known = std::any_of(std::begin(kAll), std::end(kAll), [&](Isa isa) { return name_of(isa) == wanted; });
  throw Error::usage("QREASON_ISA", std::string(wanted) + (known ? ", which this machine does not have" : ""),
                     "one of " + names_of_supported());
}

}  // namespace

std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::kGeneric:
      return "generic";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas;
  std::copy_if(std::begin(kAll), std::end(kAll), std::back_inserter(isas), supported);
  return isas;
}

Isa current_isa() {
  int isa = chosen.load(std::memory_order_relaxed);
  if (isa == kUnknown) {
    isa = static_cast<int>(choose());
    chosen.store(isa, std::memory_order_relaxed);
  }
  return static_cast<Isa>(isa);
}

void force_isa(Isa isa) {
  if (!supported(isa)) {
    throw Error::usage("instruction set", std::string(name_of(isa)), "one of " + names_of_supported());
  }
  chosen.store(static_cast<int>(isa), std::memory_order_relaxed);
}

bool has_bfloat16_dot() {
#if defined(__x86_64__)
  return current_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vbmi");
#else
  return false;
#endif
}

bool has_byte_dot() {
#if defined(__x86_64__)
  return current_isa() == Isa::kAvx512 && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

}  // namespace qreason
