// libFuzzer entry; built by fuzz/build.sh.
#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qreason::fuzz::read_as_gguf({data, size});
  return 0;
}
