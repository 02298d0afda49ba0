// The study compiled into the program: that it is the file, and that every row of it can be made.
#include "cli/embedded_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "cli/model_zoo.h"
#include "quantize/methods/method_table.h"
#include "study/study_spec.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;

TEST(EmbeddedStudy, IsTheFileOfTheProject) {
  EXPECT_EQ(embedded_study(), read_text_file(testing::project_path(kEmbeddedStudyFile)));
}

TEST(EmbeddedStudy, IsTwoShippedModelsByElevenMethodsByThreeTiersByThreeSeeds) {
  const StudySpec spec = parse_study(embedded_study(), kEmbeddedStudyFile);
  ASSERT_EQ(spec.models.size(), 2u);
  for (const StudyModel& model : spec.models) {
    EXPECT_THAT(model.tasks, ElementsAre("steps-easy", "steps-medium", "steps-hard"));
    EXPECT_THAT(model.seeds, ElementsAre(42, 43, 44));
    EXPECT_EQ(model.methods.size(), 11u);
    EXPECT_EQ(model.methods.front(), "bf16");
    EXPECT_TRUE(model.limit);
    EXPECT_EQ(model.calibration.length, 640);
    EXPECT_TRUE(std::any_of(model_zoo().begin(), model_zoo().end(), [&](const ZooModel& known) {
      return known.name == model.reference && known.ships();
    })) << model.reference;
    for (const std::string& method : model.methods) {
      if (method == "bf16") continue;
      EXPECT_EQ(make_recipe(method, {}).name, method);
    }
  }
}

}  // namespace
}  // namespace qreason
