// The entry of every fuzzer: CMakeLists.txt says which target it calls.
#include QREASON_FUZZ_HEADER

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qreason::fuzz::QREASON_FUZZ_TARGET({data, size});
  return 0;
}
