// The study compiled into the program: that it is the file, and that every row of it can be made.
#include "cli/embedded_study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/file.h"
#include "cli/model_zoo.h"
#include "quantize/methods/method_table.h"
#include "study/study_spec.h"
#include "support/fixtures.h"

namespace qreason {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

TEST(EmbeddedStudy, IsTheFileOfTheProject) {
  EXPECT_EQ(embedded_study(), read_text_file(testing::project_path(kEmbeddedStudyFile)));
}

TEST(EmbeddedStudy, IsShippedModelsByMethodsByThreeTiersByThreeSeeds) {
  const StudySpec spec = parse_study(embedded_study(), kEmbeddedStudyFile);
  ASSERT_EQ(spec.models.size(), 3u);
  EXPECT_EQ(spec.models[0].methods, spec.models[1].methods);
  EXPECT_TRUE(spec.models[2].outliers);
  std::set<std::string> families;
  for (const StudyModel& model : spec.models) {
    EXPECT_THAT(model.tasks, ElementsAre(Field(&Task::name, "steps-easy"), Field(&Task::name, "steps-medium"),
                                         Field(&Task::name, "steps-hard")));
    EXPECT_THAT(model.seeds, ElementsAre(42, 43, 44));
    EXPECT_EQ(model.methods.front(), "bf16");
    EXPECT_TRUE(model.limit);
    EXPECT_EQ(model.calibration.length, 640);
    ASSERT_TRUE(model.measure);
    EXPECT_EQ(model.measure->text, "embedded");
    EXPECT_EQ(model.measure->window, 640);  // the models' context
    EXPECT_TRUE(std::any_of(model_zoo().begin(), model_zoo().end(), [&](const ZooModel& known) {
      return known.name == model.reference && known.ships();
    })) << model.reference;
    for (const std::string& name : model.methods) {
      if (name == "bf16") continue;
      const StudyMethod method = method_of(spec, model, name);
      EXPECT_EQ(make_recipe(method.method, parse_assignments(method.set)).name, name);
      families.insert(name.substr(0, name.find('-')));
    }
  }
  // Every method of the study (spec: methods.md, section 12), and rounding.
  EXPECT_THAT(families,
              ElementsAre("awq", "flatquant", "gptq", "kvquant_star", "mxfp4", "quarot", "rtn", "smoothquant"));
}

}  // namespace
}  // namespace qreason
