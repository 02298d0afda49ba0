#include "base/kept_memory.h"

#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>

#include <mutex>
#endif

namespace qreason {

#ifdef __GLIBC__
namespace {

constexpr int kMaps = 65536;           // glibc's default
constexpr int kOftenFreed = 32 << 20;  // where glibc's own threshold ends up in programs that free large buffers

std::mutex mutex;
int living = 0;

}  // namespace

KeptMemory::KeptMemory() {
  const std::lock_guard lock(mutex);
  if (living++ > 0) return;
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

KeptMemory::~KeptMemory() {
  const std::lock_guard lock(mutex);
  if (--living > 0) return;
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
