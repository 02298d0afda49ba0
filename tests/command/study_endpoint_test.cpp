// A study whose rows are answered by a server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "base/json.h"
#include "support/endpoint_server.h"
#include "support/fixtures.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::CommandResult;
using testing::FakeServer;
using ::testing::HasSubstr;
using ::testing::Not;

class StudyEndpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(model_);
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "config.json"})
      fs::copy_file(testing::project_path("models/steps-qwen2-3m") / name, model_ / name);
    std::ofstream file(scratch_.path() / "problems.jsonl");
    for (int i = 0; i < 6; ++i)
      file << Json{{"question", "What is " + std::to_string(i) + " plus 7?"},
                   {"answer", "#### " + std::to_string(i + 7)}}
           << "\n";
  }
  // Rows of `endpoints` at the server, by the unquantized model's method and another.
  void write_study(const std::string& url, const std::string& more = "") const {
    std::string text = "tasks = [\"GSM8K\"]\nseeds = [1, 2]\nmax_tokens = 100\n[data]\nGSM8K = \"problems.jsonl\"\n";
    for (const char* method : {"bf16", "gptq-w4g128"})
      text += "[[endpoint]]\nurl = \"" + url + "\"\nmodel = \"" + model_.string() +
              "\"\nname = \"toy-at-vllm\"\nmethod = \"" + method + "\"\n" + more;
    write_file_atomic(scratch_.path() / "s.toml", text);
  }
  CommandResult study(const std::string& environment = "", const std::string& before = "",
                      const std::string& after = "") const {
    return testing::run_command(before + "env -u OPENAI_API_KEY " + environment + " '" + testing::qreason_binary() +
                                "' study '" + (scratch_.path() / "s.toml").string() + "' -o '" + out().string() + "' " +
                                after);
  }
  fs::path out() const { return scratch_.path() / "out"; }
  std::string everything() const {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(out()))
      if (entry.is_regular_file()) all += read_text_file(entry.path());
    return all;
  }

  testing::ScratchFolder scratch_;
  fs::path model_ = scratch_.path() / "toy";
};

TEST_F(StudyEndpoint, StandsInTheTablesAndGoesOnWithoutItsServer) {
  std::string url;
  {
    const FakeServer server;
    url = server.url();
    write_study(url, "key_variable = \"MY_KEY\"\n");
    const CommandResult refused = study();
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.standard_error,
                AllOf(HasSubstr(".toml, line "), HasSubstr(": key_variable: MY_KEY, which is not set")));
    EXPECT_TRUE(server.bodies().empty());
    const CommandResult result = study("MY_KEY=sk-hidden-key");
    ASSERT_EQ(result.exit_code, 0) << result.standard_error;
    EXPECT_EQ(server.authorization(), "Bearer sk-hidden-key");
    EXPECT_EQ(server.bodies().size(), 2U * (2 * 6 + 5)) << "two rows, two seeds, five questions about the server each";
    EXPECT_THAT(everything() + result.standard_output + result.standard_error, Not(HasSubstr("hidden-key")));
  }
  const std::string table = read_text_file(out() / "table.md");
  EXPECT_THAT(table, HasSubstr("| toy-at-vllm | bf16 |"));
  EXPECT_THAT(table, HasSubstr("| toy-at-vllm | gptq-w4g128 |"));
  EXPECT_THAT(read_text_file(out() / "table.csv"), HasSubstr("toy-at-vllm,gptq-w4g128,GSM8K,accuracy,"));
  const Json header =
      Json::parse(read_text_file(out() / "results/toy-at-vllm-bf16-seed1/GSM8K.jsonl")
                      .substr(0, read_text_file(out() / "results/toy-at-vllm-bf16-seed1/GSM8K.jsonl").find('\n')));
  EXPECT_EQ(header["provenance"]["endpoint"]["product"], "vllm");
  EXPECT_EQ(header["method"], "bf16");

  const CommandResult again = study();
  EXPECT_EQ(again.exit_code, 0) << "neither server nor key: " << again.standard_error;
  EXPECT_EQ(read_text_file(out() / "table.md"), table);
  write_study(url, "temperature = 0.7\n");
  const CommandResult other = study();
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.standard_error, HasSubstr("provenance.sampling.temperature: 0.6 in the file, 0.7 now"));
  // With --force the server is asked: for two minutes; the first refusal says enough.
  const CommandResult forced = study("", "timeout --preserve-status --signal=INT 4 ", "--force");
  EXPECT_EQ(forced.exit_code, 130) << "other settings need a server";
  EXPECT_THAT(forced.standard_error, HasSubstr(url));
  EXPECT_TRUE(fs::exists(out() / "results/toy-at-vllm-bf16-seed1/GSM8K.jsonl"));
}

TEST_F(StudyEndpoint, AsksNothingAboutAServerTwice) {
  const FakeServer server;
  write_study(server.url());
  ASSERT_EQ(study().exit_code, 0);
  const std::size_t asked = server.bodies().size();
  fs::remove(out() / "results/toy-at-vllm-bf16-seed2/GSM8K.jsonl");
  ASSERT_EQ(study().exit_code, 0);
  EXPECT_EQ(server.bodies().size() - asked, 6U) << "the answers alone";
}

TEST_F(StudyEndpoint, RefusesWhatMakesNoSense) {
  for (const auto& [line, message] : std::vector<std::pair<std::string, std::string>>{
           {"key = \"sk-hidden-key\"\n", "the key \"key\""},
           {"api = \"speech\"\n", "api speech"},
           {"methods = [\"bf16\"]\n", "the key \"methods\""},
           {"timeout = 0\n", "timeout 0, expected a whole number from 1"}}) {
    write_study("http://127.0.0.1:9/v1", line);
    const CommandResult refused = study();
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.standard_error, HasSubstr(message));
    EXPECT_THAT(refused.standard_error, Not(HasSubstr("hidden-key")));
  }
  write_study("ftp://127.0.0.1/v1");
  EXPECT_THAT(study().standard_error, AllOf(HasSubstr("s.toml, line 6: url: ftp://"), Not(HasSubstr("--"))));
  write_study("http://127.0.0.1:9/v1");
  write_file_atomic(scratch_.path() / "s.toml", read_text_file(scratch_.path() / "s.toml") +
                                                    "[[endpoint]]\nurl = \"http://x/v1\"\nmodel = \"m\"\n"
                                                    "name = \"toy-at-vllm\"\nmethod = \"bf16\"\n");
  EXPECT_THAT(study().standard_error, HasSubstr("two endpoints for toy-at-vllm bf16"));
}

}  // namespace
}  // namespace qreason
