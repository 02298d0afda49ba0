#include "kernels/buffer.h"

#include "kernels/backend.h"

namespace qreason {

void BackendBytes::need(std::size_t bytes, const Backend& backend) {
  if (bytes <= size_) return;
  memory_.reset();  // before the larger one is there
  memory_ = backend.allocate(bytes);
  size_ = bytes;
}

void BackendBytes::fill(const void* host, std::size_t bytes, const Backend& backend) {
  if (bytes == 0) return;
  need(bytes, backend);
  backend.copy_in(host, bytes, memory_.get());
}

}  // namespace qreason
