#include "base/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace qreason::testing {
namespace {

// QREASON_ISA is read once in a process, so each case asks in a process of its own (a death test's child).
int exit_code_with(const char* value) {
  ::setenv("QREASON_ISA", value, 1);
  try {
    return name_of(current_isa()) == value ? 0 : 1;
  } catch (const Error& error) {
    return error.kind() == ErrorKind::kUsage && std::string(error.what()).find(value) != std::string::npos ? 3 : 4;
  }
}

class IsaDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(IsaDeathTest, TheEnvironmentForcesEverySupportedSet) {
  for (const Isa isa : supported_isas()) {
    const std::string name(name_of(isa));
    EXPECT_EXIT(std::_Exit(exit_code_with(name.c_str())), ::testing::ExitedWithCode(0), "") << name;
  }
}

TEST_F(IsaDeathTest, AnUnknownNameIsAUsageErrorThatSaysTheName) {
  EXPECT_EXIT(std::_Exit(exit_code_with("avx9000")), ::testing::ExitedWithCode(3), "");
  EXPECT_EXIT(std::_Exit(exit_code_with("AVX2")), ::testing::ExitedWithCode(3), "");
}

TEST(Isa, GenericIsAlwaysThereAndFirst) {
  EXPECT_EQ(supported_isas().front(), Isa::kGeneric);
}

}  // namespace
}  // namespace qreason::testing
