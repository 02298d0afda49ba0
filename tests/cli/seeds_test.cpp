// Lists of seeds; expected ones written out by hand.
#include "cli/seeds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace qreason {
namespace {
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Seeds, AreNumbersAndRanges) {
  EXPECT_THAT(parse_seeds({"42"}), ElementsAre(42));
  EXPECT_THAT(parse_seeds({"42-45"}), ElementsAre(42, 43, 44, 45));
  EXPECT_THAT(parse_seeds({"1", "5-7", "3-3"}), ElementsAre(1, 5, 6, 7, 3));
  EXPECT_EQ(parse_seeds({"0-1099"}).size(), 1100U);
}

TEST(Seeds, RefuseWhatIsNoListOfThem) {
  for (const char* item : {"x", "", "-1", "1-", "1-2-3", "1..3", "1.5", "9999999999999999999", " 1"})
    EXPECT_THAT([&] { parse_seeds({item}); }, ThrowsMessage<Error>(HasSubstr("--seeds"))) << item;
  EXPECT_THAT([] { parse_seeds({"7-3"}); }, ThrowsMessage<Error>(HasSubstr("the smaller number first")));
  EXPECT_THAT([] { parse_seeds({"1-5", "3"}); }, ThrowsMessage<Error>(HasSubstr("3 twice")));
  EXPECT_THAT([] { parse_seeds({"0-999999999999999999"}); }, ThrowsMessage<Error>(HasSubstr("at most 100000")));
}

}  // namespace
}  // namespace qreason
