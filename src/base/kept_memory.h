// For as long as this lives, memory that is freed stays with the process, whatever its size, so that the next large
// buffer need not be mapped and cleared anew: where buffers of many megabytes come and go, that takes a fifth of the
// time. Not nested. Without glibc nothing happens.
#pragma once

namespace qreason {

class KeptMemory {
 public:
  KeptMemory();
  ~KeptMemory();  // gives back what is free
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
};

}  // namespace qreason
