// table as a user types it: what several answers are worth.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "support/fixtures.h"
#include "support/report_folder.h"

namespace qreason {
namespace {
using ::testing::HasSubstr;

class SeveralAnswers : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [seed, grades] : {std::pair(42, "10"), std::pair(43, "11"), std::pair(44, "00")})
      testing::write_report_run(folder_.path() / "results", testing::report_run("bf16", "GSM8K", seed, grades));
  }
  testing::CommandResult run(const std::string& line) const {
    return testing::run_command("cd '" + folder_.path().string() + "' && '" + testing::qreason_binary() + "' " + line);
  }
  testing::ScratchFolder folder_;
};

// q0 is right twice, q1 once; answers are 7 where they are right, else 8.
TEST_F(SeveralAnswers, TellsWhatSeveralAnswersAreWorth) {
  const auto json = run("table results --at-k 1,3 --format json");
  ASSERT_EQ(json.exit_code, 0) << json.standard_error;
  const Json at_k = parse_json(json.standard_output, "stdout")["rows"][0]["tasks"]["GSM8K"]["at_k"];
  ASSERT_EQ(at_k.size(), 2U);
  EXPECT_NEAR(at_k[0]["pass"].get<double>(), 50, 1e-9);
  EXPECT_NEAR(at_k[1]["pass"].get<double>(), 100, 1e-9);
  EXPECT_NEAR(at_k[1]["majority"].get<double>(), 50, 1e-9);
  EXPECT_NEAR(at_k[1]["gain"].get<double>(), 0, 1e-9);
}

TEST_F(SeveralAnswers, RefusesNumbersOfAnswersThatAreNone) {
  for (const char* numbers : {"0", "1.5", "2,2"}) {
    const auto result = run(std::string("table results --at-k=") + numbers);
    EXPECT_EQ(result.exit_code, 2) << numbers;
    EXPECT_THAT(result.standard_error, HasSubstr("error: --at-k: ")) << numbers;
  }
}

}  // namespace
}  // namespace qreason
