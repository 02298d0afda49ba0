#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/program.h"

int main(int argc, char** argv) {
  const int code = qreason::run_program({argv + 1, argv + argc});
  // Not by exit(): libtorch would take every operator out of its tables, which takes as long as some commands do.
  std::cout.flush();
  std::fflush(nullptr);
  _exit(code);
}
