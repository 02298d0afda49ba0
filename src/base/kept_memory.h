// For as long as this lives, memory that is freed stays with the process, whatever its size, so that the next large
// buffer need not be mapped and cleared anew: where buffers of many megabytes come and go, that takes a fifth of the
// time. Several may live at once, on any threads: the last one that goes gives back. Without glibc nothing happens.
#pragma once

namespace qreason {

// Of what a pass uses. Memory that is kept is a quarter more than what is in use, and several times that where the
// buffers are few and large (holes between them): larger work has no room for it.
inline constexpr double kMostKeptBytes = 1 << 30;

class KeptMemory {
 public:
  KeptMemory();
  ~KeptMemory();  // the last one gives back what is free
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
};

}  // namespace qreason
