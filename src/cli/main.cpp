#include "cli/program.h"

int main(int argc, char** argv) {
  return qreason::run_program({argv + 1, argv + argc});
}
