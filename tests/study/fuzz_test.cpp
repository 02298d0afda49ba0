#include "../../fuzz/study_targets.h"

#include "base/file.h"
#include "support/fixtures.h"
#include "support/fuzz_run.h"

namespace qreason {
namespace {

TEST(Fuzz, TaskAndStudyFilesGiveErrorsAtWorst) {
  for (const char* file : {"docs/tasks/sums.toml", "studies/steps.toml", "studies/demo.toml"})
    testing::run_mutations(read_text_file(testing::project_path(file)), 300, fuzz::read_as_toml);
}

}  // namespace
}  // namespace qreason
