#include "base/interrupt.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <cstdlib>

#include "base/error.h"

namespace qreason {
namespace {

TEST(InterruptDeathTest, IsNoticedOnceAndTheSecondOneEndsTheProcess) {
  EXPECT_NO_THROW(check_interrupt());
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        std::raise(SIGINT);
        try {
          check_interrupt();
        } catch (const Error& error) {
          if (error.kind() == ErrorKind::kInterrupted) std::raise(SIGINT);
        }
      },
      ::testing::KilledBySignal(SIGINT), "");
  EXPECT_NO_THROW(check_interrupt());
}

bool readable(int descriptor) {
  pollfd ready{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) == 1;
}

TEST(InterruptDeathTest, CanBeTakenAndComeAgain) {
  EXPECT_EXIT(
      {
        install_interrupt_handler();
        bool good = !take_interrupt() && !readable(interrupt_descriptor());
        for (int i = 0; i < 3; ++i) {
          std::raise(SIGINT);
          good = good && readable(interrupt_descriptor()) && take_interrupt();
          good = good && !readable(interrupt_descriptor()) && !take_interrupt();
        }
        check_interrupt();  // does not throw: each was taken
        std::raise(SIGTERM);
        good = good && !take_interrupt();
        try {
          check_interrupt();
          good = false;
        } catch (const Error& error) {
          good = good && error.kind() == ErrorKind::kInterrupted;
        }
        std::exit(good ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace qreason
