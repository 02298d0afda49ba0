// `qreason quantize --plan` against what the command then writes; names of methods and what is set beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/fixtures.h"
#include "support/tiny_model.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string quantize(const fs::path& model, const std::string& method, const std::string& rest) {
  return testing::qreason_binary() + " quantize " + model.string() + " " + method + " --quiet " + rest;
}

double bytes_in(const fs::path& folder) {
  double bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes += static_cast<double>(entry.file_size());
  return bytes;
}

std::string write_fold_recipe(const fs::path& folder) {
  const fs::path path = folder / "fold.toml";
  std::ofstream(path) << "[[pass]]\nkind = \"fold_norms\"\n[[pass]]\nkind = \"rotate_residual\"\n"
                         "[[pass]]\nkind = \"rotate_down\"\n[[pass]]\nkind = \"round_rtn\"\nformat = \"w4g32-asym\"\n"
                         "linears = \"q, k, v, o\"\n";
  return path.string();
}

// AWQ takes so many texts of the Pile and makes blocks of them, here fewer: the recipe still says how many texts.
TEST(QuantizePlan, KeepsTheNumberOfTextsThatBlocksAreMadeOf) {
  const testing::ScratchFolder scratch;
  fs::create_directories(scratch.path() / "calibration");
  std::ofstream pile(scratch.path() / "calibration" / "pile_val.jsonl");
  for (int i = 0; i < 8; ++i) pile << "{\"text\": \"1 + 2 = 3\"}\n";
  pile.close();
  const fs::path recipe = scratch.path() / "recipe.toml";
  const auto plan = testing::run_command(
      "QREASON_DATA='" + scratch.path().string() + "' " +
      quantize(testing::project_path("models/steps-qwen2-1m"), "awq-w4g64",
               "--calibration pile --set samples=6 --set length=16 --plan --recipe-out " + recipe.string()));
  ASSERT_EQ(plan.exit_code, 0) << plan.standard_error;
  std::stringstream text;
  text << std::ifstream(recipe).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("source = \"pile\"\nsamples = 6\nlength = 16\ncut = \"short-texts\""));
}

// Zero too.
TEST(QuantizePlan, TakesTheSeedOfTheCommandBeforeThatOfTheRecipe) {
  const testing::ScratchFolder scratch;
  const fs::path given = scratch.path() / "given.toml", written = scratch.path() / "written.toml";
  std::ofstream(given) << "seed = 7\n[calibration]\nsamples = 2\nlength = 16\n"
                          "[[pass]]\nkind = \"round_gptq\"\nformat = \"w4g64-asym\"\n";
  const auto seed_of = [&](const std::string& options) {
    const auto plan = testing::run_command(quantize(testing::project_path("models/steps-qwen2-1m"), given.string(),
                                                    options + " --plan --force --recipe-out " + written.string()));
    EXPECT_EQ(plan.exit_code, 0) << plan.standard_error;
    std::stringstream text;
    text << std::ifstream(written).rdbuf();
    return text.str();
  };
  EXPECT_THAT(seed_of(""), HasSubstr("seed = 7\n"));
  EXPECT_THAT(seed_of("--seed 0"), HasSubstr("seed = 0\n"));
}

// A killed run goes on with the same command; a recipe that somebody wrote is not made over.
TEST(QuantizePlan, WritesItsRecipeOverNoOther) {
  const testing::ScratchFolder scratch;
  const std::string shipped = testing::project_path("models/steps-qwen2-1m").string();
  const fs::path out = scratch.path() / "out.toml";
  const auto plan = [&](const std::string& method, const std::string& rest) {
    return testing::run_command(quantize(shipped, method, "--plan " + rest));
  };
  EXPECT_EQ(plan("rtn-w4g64", "--recipe-out " + out.string()).exit_code, 0);
  EXPECT_EQ(plan("rtn-w4g64", "--recipe-out " + out.string()).exit_code, 0);
  EXPECT_THAT(plan("rtn-w3g64", "--recipe-out " + out.string()).standard_error,
              HasSubstr("out.toml: it exists already, expected a new path"));
  const auto over_itself = plan(out.string(), "--force --recipe-out " + out.string());
  EXPECT_EQ(over_itself.exit_code, 1);
  EXPECT_THAT(over_itself.standard_error, HasSubstr("out.toml: the recipe that is read, expected another file"));
}

// From a few hundred kilobytes on, every file counted, to three percent.
TEST(QuantizePlan, TellsTheDiskThatItTakes) {
  const testing::ScratchFolder scratch;
  const fs::path shipped = testing::project_path("models/steps-qwen2-1m"), tiny = scratch.path() / "tiny";
  testing::write_tiny_model(tiny, testing::TinyModel{});
  const std::string fold = write_fold_recipe(scratch.path());
  int run = 0;
  for (const fs::path& model : {shipped, tiny}) {
    std::vector<std::string> methods{"rtn-w4g64", "rtn-w3g32",  "rtn-w8a8kv8", "rtn-w16a8",
                                     "fp8-w8",    "quarot-kv4", fold};
    // What a tiny model's report says of MXFP4 is shorter than of others, by more than this.
    if (model == shipped) methods.push_back("mxfp4-w4a4kv4");
    for (const std::string& method : methods) {
      SCOPED_TRACE(model.string() + " " + method);
      const fs::path output = scratch.path() / ("out-" + std::to_string(run++));
      const auto plan = testing::run_command(quantize(model, method, "--plan --json"));
      ASSERT_EQ(plan.exit_code, 0) << plan.standard_error;
      EXPECT_FALSE(fs::exists(output));
      ASSERT_EQ(testing::run_command(quantize(model, method, "-o " + output.string())).exit_code, 0);
      const double want = bytes_in(output);
      EXPECT_NEAR(nlohmann::json::parse(plan.standard_output).at("disk_bytes").get<double>(), want, 0.03 * want);
    }
  }
}

// The sizes of the model are those of its config; what no machine holds is refused, and a length that fits is named.
TEST(QuantizePlan, NeedsAConfigAloneAndNamesWhatWouldFit) {
  const testing::ScratchFolder scratch;
  const fs::path tiny = scratch.path() / "tiny", alone = scratch.path() / "alone",
                 large = scratch.path() / "large.json";
  testing::write_tiny_model(tiny, testing::TinyModel{});
  fs::create_directories(alone);
  fs::copy_file(tiny / "config.json", alone / "config.json");
  const auto sizes = [&](const fs::path& model) {
    const auto plan = testing::run_command(quantize(model, "rtn-w4g32", "--plan --json"));
    EXPECT_EQ(plan.exit_code, 0) << plan.standard_error;
    return nlohmann::json::parse(plan.standard_output);
  };
  const auto found = sizes(tiny), told = sizes(alone);
  EXPECT_EQ(told.at("blocks"), found.at("blocks"));
  EXPECT_EQ(told.at("plan"), found.at("plan"));
  EXPECT_LE(told.at("checkpoint_bytes").get<double>(), found.at("checkpoint_bytes").get<double>());
  EXPECT_NEAR(told.at("peak_memory_bytes").get<double>(), found.at("peak_memory_bytes").get<double>(), 40e6);

  std::ifstream stream(tiny / "config.json");
  auto config = nlohmann::json::parse(stream);
  config["max_position_embeddings"] = 1'000'000'000;
  std::ofstream(large) << config;
  const auto refused =
      testing::run_command(quantize(large, "gptq-w4c", "--plan --set samples=1 --set length=1000000000"));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.standard_output, HasSubstr("gptq-w4c: 6 blocks"));
  EXPECT_THAT(refused.standard_error, HasSubstr("--set length="));
  EXPECT_THAT(refused.standard_error, HasSubstr("would fit"));
}

TEST(QuantizePlan, ShowsTheRulesThatTheCheckpointThenHas) {
  const testing::ScratchFolder scratch;
  const fs::path tiny = scratch.path() / "tiny", recipe = scratch.path() / "rules.toml", out = scratch.path() / "out";
  testing::write_tiny_model(tiny, testing::TinyModel{});
  const std::string rules = "rules = [\"blocks[0], blocks[-1] = float\", \"mlp.down_proj = w8\"]";
  std::ofstream(recipe) << "[[pass]]\nkind = \"round_rtn\"\nformat = \"w4g32-asym\"\n" << rules << "\n";
  EXPECT_THAT(testing::run_command(quantize(tiny, recipe.string(), "--plan")).standard_output, HasSubstr(rules));
  const auto plan = testing::run_command(quantize(tiny, recipe.string(), "--plan --json"));
  const auto planned = nlohmann::json::parse(plan.standard_output).at("plan");
  EXPECT_EQ(planned.at("weights").at("mlp.down_proj"), "w8g32-asym");
  EXPECT_THAT(planned.at("rules").dump(), HasSubstr("blocks[0].mlp.down_proj, blocks[5].mlp.down_proj = float"));
  ASSERT_EQ(testing::run_command(quantize(tiny, recipe.string(), "-o " + out.string())).exit_code, 0);
  std::ifstream config(out / "config.json");
  EXPECT_EQ(nlohmann::json::parse(config).at("quantization_config").at("plan"), planned);
  std::ifstream written(out / "recipe.toml");
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(written), {}), HasSubstr(rules));
  // With --plan alone as when it runs: refused.
  std::ofstream(recipe, std::ios::app) << "linears = \"q\"\n";
  const auto refused = testing::run_command(quantize(tiny, recipe.string(), "--plan"));
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.standard_error, HasSubstr("nothing quantized at \"mlp.down_proj\""));
}

// The libtorch of the tests may have a device; the hundredth is on no machine.
TEST(QuantizeCommand, RefusesDevicesThatAreNotThere) {
  const testing::ScratchFolder scratch;
  testing::write_tiny_model(scratch.path() / "tiny", testing::TinyModel{});
  const auto on = [&](const std::string& device) {
    return testing::run_command(quantize(scratch.path() / "tiny", "rtn-w4c",
                                         "--device " + device + " -o " + (scratch.path() / "out").string()));
  };
  for (const char* device : {"toaster", "cuda:x", "''", "cuda:", "xpu"})
    EXPECT_THAT(on(device).standard_error, HasSubstr("expected cpu, cuda, cuda:N, npu or npu:N")) << device;
  EXPECT_THAT(on("cuda:99").standard_error, HasSubstr("cuda:99, which this libtorch or this machine does not have"));
  EXPECT_EQ(on("npu:99").exit_code, 1);
  EXPECT_FALSE(fs::exists(scratch.path() / "out"));
  EXPECT_EQ(on("cpu").exit_code, 0);
}

TEST(QuantizeCommand, LeavesNothingOfAModelThatIsQuantizedAlready) {
  const testing::ScratchFolder scratch;
  const fs::path tiny = scratch.path() / "tiny", once = scratch.path() / "once", twice = scratch.path() / "twice";
  testing::write_tiny_model(tiny, testing::TinyModel{});
  ASSERT_EQ(testing::run_command(quantize(tiny, "rtn-w4c", "-o " + once.string())).exit_code, 0);
  const auto result = testing::run_command(quantize(once, "rtn-w4c", "-o " + twice.string()));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.standard_error, HasSubstr("once: a model that is quantized already"));
  EXPECT_FALSE(fs::exists(twice.string() + ".partial"));
}

TEST(QuantizeCommand, RefusesWhatContradictsTheName) {
  const testing::ScratchFolder scratch;
  const fs::path tiny = scratch.path() / "tiny";
  testing::write_tiny_model(tiny, testing::TinyModel{});
  const auto run = [&](const std::string& method, const std::string& rest) {
    return testing::run_command(quantize(tiny, method, "--plan --json " + rest));
  };
  for (const auto& [method, rest] : {std::pair("gptq-w4g64", "--set group=0"), std::pair("rtn-w4c", "--set group=32"),
                                     std::pair("rtn-w4c-tp1", "--tp 2")}) {
    const auto result = run(method, rest);
    EXPECT_EQ(result.exit_code, 2) << method;
    EXPECT_THAT(result.standard_error, HasSubstr(std::string("under the name ") + method));
  }
  EXPECT_EQ(nlohmann::json::parse(run("rtn-w8a8", "--set group=32 --tp 2").standard_output).at("recipe"),
            "rtn-w8g32a8-tp2");
}

}  // namespace
}  // namespace qreason
