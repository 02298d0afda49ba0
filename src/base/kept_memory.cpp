#include "base/kept_memory.h"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace qreason {

#ifdef __GLIBC__
namespace {

constexpr int kMaps = 65536;           // glibc's default
constexpr int kOftenFreed = 32 << 20;  // where glibc's own threshold ends up in programs that free large buffers

}  // namespace

KeptMemory::KeptMemory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

KeptMemory::~KeptMemory() {
  mallopt(M_MMAP_MAX, kMaps);
  mallopt(M_MMAP_THRESHOLD, kOftenFreed);
  mallopt(M_TRIM_THRESHOLD, 2 * kOftenFreed);
  malloc_trim(0);
}
#else
KeptMemory::KeptMemory() = default;
KeptMemory::~KeptMemory() = default;
#endif

}  // namespace qreason
