// The recipes of docs/recipes, each on a small random model: what is printed there works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "quantize/recipe_run.h"
#include "support/random_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::vector<fs::path> worked_recipes() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(QREASON_SOURCE_DIR) / "docs" / "recipes")) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The rows of SmolLM2-135M are 576 and 1536 long, those of a head 64: what divides those divides these.
testing::RandomModel model_of_such_rows() {
  ModelConfig config = testing::small_config(Architecture::kLlama);
  config.hidden_size = 192;
  config.intermediate_size = 384;
  config.heads = 3;
  config.kv_heads = 1;
  config.head_dim = 64;
  config.layers = 3;
  return testing::RandomModel(config, 3);
}

TEST(WorkedRecipes, GoAllTheWay) {
  const testing::RandomModel model = model_of_such_rows();
  const std::vector<fs::path> files = worked_recipes();
  EXPECT_GE(files.size(), 10u);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    Recipe recipe = parse_recipe(read_text_file(file, 1 << 20), file.string());
    EXPECT_THAT(file.filename().string(), HasSubstr(recipe.name));  // "01-rtn-w4.toml" is rtn-w4
    if (recipe.calibration) recipe.calibration->length = 24;
    EXPECT_FALSE(testing::expect_runs(recipe, model, {.sequences = 2, .threads = 2}).is_float());
  }
}

// Every one of them has its row in the table of the page.
TEST(WorkedRecipes, StandOnTheirPage) {
  const std::string page = read_text_file(fs::path(QREASON_SOURCE_DIR) / "docs" / "recipes" / "README.md", 1 << 20);
  for (const fs::path& file : worked_recipes()) EXPECT_THAT(page, HasSubstr("(" + file.filename().string() + ")"));
}

}  // namespace
}  // namespace qreason
