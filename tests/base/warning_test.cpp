#include "base/warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace qreason {
namespace {

TEST(Warnings, GoToTheHandlerThatTheProgramChose) {
  std::vector<std::string> heard;
  const WarningHandler before = set_warning_handler([&](const std::string& text) { heard.push_back(text); });
  warn("config.json: first");
  warn("config.json: second");
  set_warning_handler({});
  warn("nobody listens");
  set_warning_handler(before);
  EXPECT_THAT(heard, ::testing::ElementsAre("config.json: first", "config.json: second"));
}

}  // namespace
}  // namespace qreason
