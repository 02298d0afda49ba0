#include "cli/output.h"

#include <gtest/gtest.h>

namespace qreason {
namespace {

TEST(AlignedTables, PadsTheColumnsOfEachTableAndLeavesOtherLines) {
  EXPECT_EQ(aligned_tables("**title**\n\n| A | b |\n| :-- | --: |\n| long name | 1 |\n| ± | 12.5 |\n\nend | of it\n"),
            "**title**\n\n"
            "| A         |    b |\n"
            "| :-------- | ---: |\n"
            "| long name |    1 |\n"
            "| ±         | 12.5 |\n"
            "\nend | of it\n");
}

}  // namespace
}  // namespace qreason
