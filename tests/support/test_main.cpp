// main() of every test program.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const int code = RUN_ALL_TESTS();
#ifndef __SANITIZE_ADDRESS__  // which looks for leaks at exit()
  // ctest starts a program for every test; taking libtorch's operators out of their tables would be a third of that.
  std::cout.flush();
  std::fflush(nullptr);
  _exit(code);
#endif
  return code;
}
