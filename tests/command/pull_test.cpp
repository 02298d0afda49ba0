// `qreason pull` from a hub that works.
#include "support/pull_case.h"

namespace qreason::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class PullCommand : public PullCase {};

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(PullCommand, BringsWhatIsReadOfAModelAndNothingElse) {
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_THAT(result.standard_output, HasSubstr("verified, in " + model().string()));
  expect_whole();
  EXPECT_EQ(names_in(model()),
            (std::vector<std::string>{"LICENSE", "config.json", "generation_config.json", "model.safetensors",
                                      "qreason_folder.json", "qreason_pull.json", "tokenizer.json",
                                      "tokenizer_config.json"}));
  const auto record = nlohmann::json::parse(bytes_of(model() / "qreason_pull.json"));
  EXPECT_EQ(record.at("commit"), server.commit);
  for (const HubServer::Seen& seen : server.seen()) {
    if (seen.storage || seen.target.starts_with("/api/")) continue;
    EXPECT_THAT(seen.target, HasSubstr("/resolve/" + server.commit + "/"));
  }
}

TEST_F(PullCommand, MakesAModelThatItsIdNames) {
  const CommandResult before = in_store("tokenize org/name hi");
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_EQ(before.standard_error,
            "error: org/name: no such file, and not in the store, expected `qreason pull org/name` first\n");
  ASSERT_EQ(pull("org/name").exit_code, 0);
  EXPECT_EQ(in_store("tokenize org/name hi").exit_code, 0);
  EXPECT_EQ(in_store("generate org/name -p hi --max-tokens 2").exit_code, 0);
  const auto models = nlohmann::json::parse(in_store("models --json").standard_output);
  ASSERT_EQ(models.at("stored").size(), 1u);
  EXPECT_EQ(models.at("stored").at(0).at("name"), "org/name");
}

TEST_F(PullCommand, AsksForTheListAloneWhenTheModelIsThere) {
  ASSERT_EQ(pull("org/name").exit_code, 0);
  const std::size_t before = server.seen().size();
  const CommandResult again = pull("org/name --json");
  EXPECT_EQ(again.exit_code, 0) << again.standard_error;
  EXPECT_TRUE(nlohmann::json::parse(again.standard_output).at("was_there"));
  EXPECT_EQ(server.seen().size(), before + 1);
}

TEST_F(PullCommand, ReplacesAnOlderCommitOnlyWithForce) {
  ASSERT_EQ(pull("org/name").exit_code, 0);
  server.commit = std::string(40, 'f');
  files()["LICENSE"].content = "Apache";
  const CommandResult refused = pull("org/name");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.standard_error, HasSubstr("in the store, " + server.commit + " on the hub, expected --force"));
  EXPECT_EQ(bytes_of(model() / "LICENSE"), "MIT");
  ASSERT_EQ(pull("org/name --force").exit_code, 0);
  EXPECT_EQ(bytes_of(model() / "LICENSE"), "Apache");
  expect_whole();
}

TEST_F(PullCommand, ReplacesNoFolderOfSomebodyElse) {
  fs::create_directories(model());
  std::ofstream(model() / "mine") << "mine";
  EXPECT_THAT(pull("org/name").standard_error, HasSubstr("it exists already"));
  EXPECT_THAT(pull("org/name --force").standard_error, HasSubstr("a folder that qreason did not make"));
  EXPECT_EQ(bytes_of(model() / "mine"), "mine");
}

TEST_F(PullCommand, TakesARevision) {
  const CommandResult result = pull("org/name@v1 --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(nlohmann::json::parse(result.standard_output).at("path"), (store.path() / "models/org/name@v1").string());
  EXPECT_EQ(in_store("tokenize org/name@v1 hi").exit_code, 0);
  EXPECT_EQ(in_store("tokenize org/name hi").exit_code, 1) << "another revision";
  expect_failure(pull("org/name@v2"), "org/name@v2: status 404");
}

TEST_F(PullCommand, TakesNamesOfTheZoo) {
  server.repositories["models/Qwen/QwQ-32B"] = files();
  ASSERT_EQ(pull("qwq-32b").exit_code, 0);
  EXPECT_EQ(in_store("tokenize qwq-32b hi").exit_code, 0);
  EXPECT_EQ(in_store("tokenize Qwen/QwQ-32B hi").exit_code, 0);
  EXPECT_EQ(pull("steps-qwen2-1m").exit_code, 2);
}

TEST_F(PullCommand, TakesASingleGgufFile) {
  files()["Q8/q8.gguf"] = files()["q4.gguf"];
  ASSERT_EQ(pull("org/name --file q4.gguf").exit_code, 0);
  const fs::path folder = store.path() / "gguf/org/name";
  EXPECT_TRUE(bytes_of(folder / "q4.gguf") == files()["q4.gguf"].content);
  EXPECT_THAT(in_store("inspect org/name").standard_error, HasSubstr(folder.string() + "/q4.gguf"))
      << "it is no real one";
  EXPECT_THAT(in_store("inspect org/name/q4").standard_error, HasSubstr(folder.string() + "/q4.gguf"));
  EXPECT_THAT(pull("org/name --file q4.gguf").standard_output, HasSubstr("is there already"));
  ASSERT_EQ(pull("org/name --file Q8/q8.gguf").exit_code, 0);
  EXPECT_THAT(in_store("inspect org/name").standard_error,
              HasSubstr("2 files in the store, expected one of org/name/q4.gguf, org/name/q8.gguf"));
  EXPECT_EQ(pull("org/name --file config.json").exit_code, 2);
  EXPECT_THAT(pull("org/name --file q5.gguf").standard_error, HasSubstr("no file q5.gguf in the hub's list"));
}

TEST_F(PullCommand, TakesTheShardsThatTheIndexNames) {
  files()["model-00001-of-000002.safetensors"] = {.content = random_bytes(3000), .large = true};
  files()["model-00002-of-000002.safetensors"] = {.content = random_bytes(5000), .large = true};
  files()["consolidated.safetensors"] = files()["model.safetensors"];
  files().erase("model.safetensors");
  files()["model.safetensors.index.json"] = {
      .content =
          R"({"weight_map": {"a": "model-00001-of-000002.safetensors", "b": "model-00002-of-000002.safetensors", "c": "model-00001-of-000002.safetensors"}})"};
  const CommandResult result = pull("org/name");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_TRUE(bytes_of(model() / "model-00002-of-000002.safetensors") == random_bytes(5000));
  EXPECT_FALSE(fs::exists(model() / "consolidated.safetensors"));
}

TEST_F(PullCommand, ShowsItsTokenToTheHubAlone) {
  ASSERT_EQ(pull("org/name", "HF_TOKEN=hf_s3cret").exit_code, 0);
  bool was_redirected = false;
  for (const HubServer::Seen& seen : server.seen()) {
    EXPECT_EQ(seen.authorization, seen.storage ? "" : "Bearer hf_s3cret") << seen.target;
    was_redirected |= seen.storage;
  }
  EXPECT_TRUE(was_redirected);
  server.intercept = [](const httplib::Request& request, httplib::Response& response) {
    response.status = 401;
    response.set_content("Invalid token " + request.get_header_value("Authorization"), "text/plain");
    return true;
  };
  const CommandResult refused = pull("org/name --force", "HF_TOKEN=hf_s3cret");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.standard_error, Not(HasSubstr("s3cret")));
  EXPECT_THAT(refused.standard_error, HasSubstr("another token in HF_TOKEN"));
}

TEST_F(PullCommand, BringsDataUnderTheNameThatIsLookedFor) {
  const std::string row = R"({"problem": "1+1?", "solution": "\\boxed{2}", "answer": "2", "unique_id": "a"})";
  server.repositories["datasets/HuggingFaceH4/MATH-500"] = {{"test.jsonl", {row + "\n"}}, {"README.md", {"about"}}};
  server.repositories["datasets/xiaoyuanliu/AIME90"] = {{"data/any-name.jsonl", {"{}\n", true}},
                                                        {"dataset_infos.json", {"{}"}}};
  server.repositories["datasets/mit-han-lab/pile-val-backup"] = {{"val.jsonl.zst", {"zst", true}}};
  const CommandResult result = pull("--data math500 --data AIME-90 --data pile");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(bytes_of(store.path() / "data/math500.jsonl"), row + "\n");
  EXPECT_EQ(bytes_of(store.path() / "data/aime90.jsonl"), "{}\n");
  EXPECT_EQ(bytes_of(store.path() / "data/calibration/pile_val.jsonl.zst"), "zst");
  EXPECT_THAT(pull("--data math500").standard_output, HasSubstr("is there already"));
  std::ofstream(store.path() / "data/math500.jsonl") << "other";
  EXPECT_THAT(pull("--data math500").standard_error, HasSubstr("expected --force"));
  EXPECT_EQ(pull("--data math500 --force").exit_code, 0);
  EXPECT_EQ(bytes_of(store.path() / "data/math500.jsonl"), row + "\n");
}

TEST_F(PullCommand, BringsTheFilesOfADataSet) {
  server.repositories["datasets/livecodebench/code_generation_lite"] = {
      {"test.jsonl", {"old", true}}, {"test4.jsonl", {"four", true}}, {"test5.jsonl", {"five", true}}};
  const CommandResult result = pull("--data LiveCodeBench");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(bytes_of(store.path() / "data/livecodebench/test4.jsonl"), "four");
  EXPECT_EQ(bytes_of(store.path() / "data/livecodebench/test5.jsonl"), "five");
  EXPECT_FALSE(std::filesystem::exists(store.path() / "data/livecodebench/test.jsonl"));
}

TEST_F(PullCommand, BringsAllShardsOfADataSet) {
  auto& files = server.repositories["datasets/AI-MO/NuminaMath-1.5"];
  for (const char* shard : {"0", "1", "2"})
    files[std::string("data/train-0000") + shard + "-of-00003.parquet"] = {std::string("shard ") + shard, true};
  const CommandResult result = pull("--data NuminaMath-1.5");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(bytes_of(store.path() / "data/numinamath15/train-00000-of-00003.parquet"), "shard 0");
  EXPECT_EQ(bytes_of(store.path() / "data/numinamath15/train-00002-of-00003.parquet"), "shard 2");
}

TEST_F(PullCommand, BringsBothSplitsOfAText) {
  const std::string rows = bytes_of(project_path("tests/data/parquet/plain.parquet"));
  server.repositories["datasets/Salesforce/wikitext"] = {
      {"wikitext-2-raw-v1/test-00000-of-00001.parquet", {rows, true}},
      {"wikitext-2-raw-v1/train-00000-of-00001.parquet", {rows + "x", true}},
      {"wikitext-103-v1/test-00000-of-00001.parquet", {"x", true}}};
  const CommandResult result = pull("--data wikitext2");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_TRUE(bytes_of(store.path() / "data/wikitext2/test.parquet") == rows);
  EXPECT_TRUE(bytes_of(store.path() / "data/wikitext2/train.parquet") == rows + "x");
}

// What a set is called by the hub is what load_dataset() finds.
TEST_F(PullCommand, BringsParquetThatIsRead) {
  const std::string rows = bytes_of(project_path("tests/data/parquet/plain.parquet"));
  server.repositories["datasets/Maxwell-Jia/AIME_2024"] = {{"aime_2024_problems.parquet", {rows, true}},
                                                           {"train.jsonl", {"{}"}}};
  ASSERT_EQ(pull("--data AIME-2024").exit_code, 0);
  EXPECT_TRUE(fs::exists(store.path() / "data/aime2024.parquet"));
}

TEST_F(PullCommand, CallsWrongUsageWrongUsage) {
  for (const char* arguments : {"", "org", "org/name --data gsm8k", "--data nothing", "--data steps-easy", "../x/y",
                                "org/name@../x", "--file x.gguf"})
    EXPECT_EQ(pull(arguments).exit_code, 2) << arguments;
  EXPECT_EQ(pull("org/name", "HF_ENDPOINT=ftp://x").exit_code, 2);
  EXPECT_THAT(run_command("env -u HOME -u QREASON_STORE " + server.environment() + qreason_binary() + " pull org/name")
                  .standard_error,
              HasSubstr("neither QREASON_STORE nor HOME is set"));
}

}  // namespace
}  // namespace qreason::testing
