#include "base/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/error.h"

namespace qreason {
namespace {

// What the handler may touch: lock-free flags and the write end of a pipe.
volatile std::sig_atomic_t interrupted = 0;
volatile std::sig_atomic_t terminated = 0;
std::array<int, 2> pipe_ends{-1, -1};

extern "C" void remember_signal(int signal) {
  (signal == SIGTERM ? terminated : interrupted) = 1;
  // A second one means now: the default action ends the process.
  std::signal(signal, SIG_DFL);
  const char byte = 0;
  [[maybe_unused]] const ssize_t written = ::write(pipe_ends[1], &byte, 1);
}

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void install_interrupt_handler() {
  if (pipe_ends[0] < 0 && ::pipe2(pipe_ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) pipe_ends = {-1, -1};
  handle(SIGINT);
  handle(SIGTERM);
}

void check_interrupt() {
  if (interrupted != 0 || terminated != 0)
    throw Error("interrupted", "stopped by a signal", "", ErrorKind::kInterrupted);
}

bool take_interrupt() {
  if (interrupted == 0) return false;
  interrupted = 0;
  for (char byte = 0; ::read(pipe_ends[0], &byte, 1) == 1;) {
  }
  handle(SIGINT);
  return true;
}

int interrupt_descriptor() {
  return pipe_ends[0];
}

}  // namespace qreason
