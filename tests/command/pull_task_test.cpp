// A user's task whose data are on a hub: pulled once, read from the store afterwards.
#include "base/file.h"
#include "support/pull_case.h"

namespace qreason::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PullTask : public PullCase {
 protected:
  PullTask() {
    server.repositories["datasets/some/sums"] = {
        {"data/test-00000-of-00002.jsonl", {R"({"q": "1+1?", "a": "2"})", true}},
        {"data/test-00001-of-00002.parquet", {bytes_of(project_path("tests/data/parquet/plain.parquet")), true}},
        {"data/test-00002.csv", {"q,a\n2+2?,4\n"}}};
    write("files", R"(["data/test-00000-of-00002.jsonl", "data/test-00002.csv"])");
  }
  // The task with one key changed.
  void write(const std::string& key, const std::string& value) {
    std::map<std::string, std::string> keys{{"name", "\"hubsums\""},
                                            {"source", "\"hub:some/sums\""},
                                            {"revision", "\"" + server.commit + "\""},
                                            {"files", R"(["data/test-00000-of-00002.jsonl", "data/test-00002.csv"])"},
                                            {"prompt", "\"{question}\""},
                                            {"grader", "\"math\""}};
    keys[key] = value;
    std::string text;
    for (const auto& [name, content] : keys)
      if (!content.empty()) text += name + " = " + content + "\n";
    write_file_atomic(task(), text + "[columns]\nquestion = \"q\"\ngold = \"a\"\n");
  }
  fs::path task() const { return here_.path() / "task.toml"; }
  CommandResult pull_task() const { return pull("--data '" + task().string() + "'"); }
  // Where no hub can be reached.
  CommandResult evaluate() const {
    return run_command("HF_ENDPOINT=http://127.0.0.1:9 QREASON_STORE=" + store.path().string() + " " +
                       qreason_binary() + " evaluate org/name --tasks '" + task().string() +
                       "' --max-tokens 2 --seeds 1 -o '" + (here_.path() / "out").string() + "'");
  }
  ScratchFolder here_;
};

TEST_F(PullTask, IsReadFromTheStoreAfterwards) {
  ASSERT_EQ(pull("org/name").exit_code, 0);
  const CommandResult before = evaluate();
  EXPECT_EQ(before.exit_code, 1);
  EXPECT_THAT(before.standard_error, HasSubstr("expected `qreason pull --data` with the task's .toml file"));
  const CommandResult pulled = pull_task();
  ASSERT_EQ(pulled.exit_code, 0) << pulled.standard_error;
  const fs::path folder = store.path() / "data/hub/some" / ("sums@" + server.commit) / "data";
  EXPECT_EQ(bytes_of(folder / "test-00002.csv"), "q,a\n2+2?,4\n");
  EXPECT_FALSE(fs::exists(folder / "test-00001-of-00002.parquet"));
  EXPECT_THAT(pull_task().standard_output, HasSubstr("is there already"));
  const CommandResult after = evaluate();
  ASSERT_EQ(after.exit_code, 0) << after.standard_error;
  std::ifstream results(here_.path() / "out/name-seed1/hubsums.jsonl");
  std::string line;
  std::getline(results, line);
  const auto header = nlohmann::json::parse(line);
  EXPECT_EQ(header["dataset"]["count"], 2);
  EXPECT_EQ(header["dataset"]["task"]["revision"], server.commit);
  EXPECT_EQ(header["dataset"]["task"]["files"][1], "data/test-00002.csv");
  EXPECT_EQ(in_store("grade '" + (here_.path() / "out").string() + "'").exit_code, 0);
}

TEST_F(PullTask, TakesNothingButWhatItsCommitHas) {
  server.repositories["datasets/some/sums"]["data/test-00002.csv"].listed_hash = std::string(40, 'a');
  EXPECT_EQ(pull_task().exit_code, 1);
  EXPECT_FALSE(fs::exists(store.path() / "data/hub/some" / ("sums@" + server.commit) / "data/test-00002.csv"));
  write("files", R"(["data/none.csv"])");
  EXPECT_THAT(pull_task().standard_error, HasSubstr("no file data/none.csv in the hub's list"));
  const std::string other(40, 'b');
  write("revision", "\"" + other + "\"");
  EXPECT_EQ(pull_task().exit_code, 1);
  server.intercept = [&](const httplib::Request& request, httplib::Response& response) {
    if (request.path.find("/revision/") == std::string::npos) return false;
    response.set_content(nlohmann::json{{"sha", server.commit}, {"siblings", nlohmann::json::array()}}.dump(),
                         "application/json");
    return true;
  };
  EXPECT_THAT(pull_task().standard_error, HasSubstr("the list of commit " + server.commit));
}

TEST_F(PullTask, RefusesWhatIsNotPinnedOrLeavesItsFolder) {
  const std::vector<std::array<std::string, 3>> faults{
      {"revision", "\"main\"", "the revision \"main\", expected a commit, 40 hexadecimal digits"},
      {"revision", "", "no revision"},
      {"files", "", "no list of files"},
      {"files", "[]", "no file, expected one at least"},
      {"files", R"(["../../x.jsonl"])", "the file \"../../x.jsonl\""},
      {"files", R"(["/x.jsonl"])", "the file \"/x.jsonl\""},
      {"files", R"(["x.zip"])", "a .parquet, .jsonl, .json or .csv file"},
      {"files", R"(["x.csv", "x.csv"])", "the file \"x.csv\" twice"},
      {"files", "[1]", "the file \"\""},
      {"source", "\"hub:some\"", "the hub id \"some\", expected hub:org/name"},
      {"source", "\"hub:a/b/c\"", "the hub id \"a/b/c\""},
      {"source", "\"hub:../b\"", "the hub id \"../b\""},
      {"source", "\"sums.csv\"", "of a local file"}};
  for (const auto& [key, value, message] : faults) {
    write(key, value);
    const CommandResult refused = pull_task();
    EXPECT_EQ(refused.exit_code, 1) << key << " " << value;
    EXPECT_THAT(refused.standard_error, HasSubstr(message));
    EXPECT_THAT(refused.standard_error, HasSubstr("task.toml, line ")) << key << " " << value;
  }
  EXPECT_EQ(server.seen().size(), 0u);
}

}  // namespace
}  // namespace qreason::testing
