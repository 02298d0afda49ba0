// What a user may give to commands: models, texts and settings that are broken, unusual, or would be passed over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "support/fixtures.h"
#include "support/tiny_model.h"

namespace qreason::testing {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The tiny chat model, with files changed; commands that run on it.
class TinyChat {
 public:
  TinyChat() { write_tiny_chat_model(model()); }
  fs::path model() const { return folder_.path() / "model"; }
  fs::path file(const std::string& name) const { return folder_.path() / name; }
  CommandResult run(const std::string& arguments) const {
    return run_command("cd " + folder_.path().string() + " && " + qreason_binary() + " " + arguments);
  }
  void change_json(const std::string& name, const nlohmann::json& keys) const {
    nlohmann::json json =
        fs::exists(model() / name) ? nlohmann::json::parse(read(model() / name)) : nlohmann::json::object();
    json.update(keys);
    write(model() / name, json.dump());
  }
  // Puts the bytes of one float32 into a tensor.
  void poison(const std::string& tensor, std::size_t index, std::uint32_t bits) const {
    std::string bytes = read(model() / "model.safetensors");
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    const auto header = nlohmann::json::parse(bytes.substr(8, length));
    const auto begin = header.at(tensor).at("data_offsets").at(0).get<std::size_t>();
    std::memcpy(bytes.data() + 8 + length + begin + 4 * index, &bits, 4);
    write(model() / "model.safetensors", bytes);
  }

 private:
  ScratchFolder folder_;
};

constexpr std::uint32_t kNan = 0x7FC00000;

std::string long_text() {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + " x ";
  return text;
}

TEST(Inputs, RefuseAModelWithANaNByTensorAndIndex) {
  const TinyChat tiny;
  write(tiny.file("text.txt"), long_text());
  tiny.poison("model.layers.1.input_layernorm.weight", 3, kNan);
  const auto refused = AllOf(HasSubstr("error: "), HasSubstr("model.layers.1.input_layernorm.weight: nan at [3]"));
  for (const char* command : {"quantize model rtn-w4g32 -o out", "quantize model gptq-w4g32 -o out",
                              "generate model -p a --max-tokens 2", "perplexity model --text text.txt --window 64"}) {
    const CommandResult result = tiny.run(command);
    EXPECT_EQ(result.exit_code, 1) << command;
    EXPECT_THAT(result.standard_error, refused) << command;
  }
  EXPECT_FALSE(fs::exists(tiny.file("out")) || fs::exists(tiny.file("out.partial")));
  EXPECT_EQ(tiny.run("inspect model").exit_code, 0) << "looking at a model's sizes reads no tensor";
}

TEST(Inputs, FitTheWindowToTheModel) {
  const TinyChat tiny;  // of 1024 positions
  write(tiny.file("text.txt"), long_text());
  for (const char* command :
       {"perplexity model --text text.txt --windows 1", "compare model model --text text.txt --windows 1"}) {
    const CommandResult result = tiny.run(command);
    EXPECT_EQ(result.exit_code, 0) << result.standard_error;
    EXPECT_THAT(result.standard_error, HasSubstr("note: windows of 1024 tokens, all the positions of the model"));
  }
}

TEST(Inputs, ReadStandardInput) {
  const TinyChat tiny;
  const std::string tokenize = qreason_binary() + " tokenize " + tiny.model().string() + " --json ";
  const CommandResult piped = run_command("printf 'a b 12' | " + tokenize + "--text -");
  EXPECT_EQ(piped.exit_code, 0) << piped.standard_error;
  EXPECT_EQ(piped.standard_output, run_command(tokenize + "'a b 12'").standard_output);
  const CommandResult broken = run_command("printf 'a\\377' | " + tokenize + "--text -");
  EXPECT_EQ(broken.exit_code, 1);
  EXPECT_THAT(broken.standard_error, HasSubstr("standard input: bytes that are not UTF-8 at offset 1"));
}

// The random model answers until the context is full, so that there is room for one turn.
TEST(Inputs, LetAChatGoOnWhenTheContextIsFull) {
  const TinyChat tiny;
  const std::string chat = qreason_binary() + " generate " + tiny.model().string() + " --temperature 0 --context 60";
  const CommandResult one = run_command("printf 'Hello\\n' | " + chat);
  ASSERT_EQ(one.exit_code, 0) << one.standard_error;
  const CommandResult full = run_command("printf 'Hello\\nHello\\n/new\\nHello\\n' | " + chat);
  EXPECT_EQ(full.exit_code, 0) << full.standard_error;
  EXPECT_EQ(full.standard_output, one.standard_output + one.standard_output);
  EXPECT_THAT(full.standard_error, HasSubstr("the context has 60 positions"));
  EXPECT_THAT(full.standard_error, HasSubstr("/new begins a new conversation"));
  const CommandResult long_line = run_command("printf '%0200d\\nHello\\n' 0 | " + chat);
  EXPECT_EQ(long_line.exit_code, 0);
  EXPECT_EQ(long_line.standard_output, one.standard_output);
  EXPECT_THAT(long_line.standard_error, HasSubstr("write a shorter one"));
}

TEST(Inputs, NameTheFileOfAFailingTemplateAndOfBytesThatAreNoText) {
  const TinyChat tiny;
  write(tiny.file("text.txt"), "abc\xff");
  EXPECT_THAT(tiny.run("perplexity model --text text.txt").standard_error, HasSubstr("text.txt: bytes that are not"));
  write(tiny.model() / "chat_template.jinja", "{{ raise_exception('no way \x1b[31m') }}");
  const CommandResult result = tiny.run("generate model -p a");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, AllOf(HasSubstr("error: model: "), HasSubstr("no way"), Not(HasSubstr("\x1b"))));
}

TEST(Inputs, SayThatACalibrationIsTooSmall) {
  const TinyChat tiny;
  write(tiny.file("c.json"), R"([{"text": "a 1 b 2 c 3"}])");
  const CommandResult result =
      tiny.run("quantize model gptq-w4g32 -o out --calibration c.json --set samples=1 --set length=1");
  EXPECT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_THAT(result.standard_error, HasSubstr("warning: calibration of 1 tokens for linears with 128 inputs"));
}

TEST(Inputs, RefuseSamplesBeforeDrawingThem) {
  const TinyChat tiny;
  write(tiny.file("c.txt"), long_text());
  const CommandResult result = run_command("cd " + tiny.file("").string() + " && timeout 60 " + qreason_binary() +
                                           " quantize model gptq-w4g32 -o out --calibration c.txt"
                                           " --set samples=999999999 --set length=8");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.standard_error, HasSubstr("999999999 samples"));
}

TEST(Inputs, NameGenerationSettingsThatAreNotApplied) {
  const TinyChat tiny;
  tiny.change_json("generation_config.json", {{"min_p", 0.1}});
  const CommandResult result = tiny.run("generate model -p a --max-tokens 2");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, HasSubstr("\"min_p\" is 0.1"));
  tiny.change_json("generation_config.json", {{"min_p", 0}, {"repetition_penalty", 1.2}});
  EXPECT_EQ(tiny.run("generate model -p a --max-tokens 2").exit_code, 0);
}

TEST(Inputs, ResolveTheRootOfAHuggingFaceCache) {
  const TinyChat tiny;
  const fs::path root = tiny.file("models--org--tiny");
  fs::create_directories(root / "snapshots");
  fs::create_directories(root / "refs");
  fs::rename(tiny.model(), root / "snapshots/abc");
  write(root / "refs/main", "abc");
  const CommandResult result = tiny.run("inspect models--org--tiny --json");
  ASSERT_EQ(result.exit_code, 0) << result.standard_error;
  EXPECT_EQ(nlohmann::json::parse(result.standard_output).at("name"), "tiny");
}

TEST(Inputs, NameTheFileThatTheSystemRefuses) {
  const std::string name(300, 'a');  // longer than a file system takes
  const CommandResult result = run_command(qreason_binary() + " grade " + name);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.standard_error, AllOf(HasSubstr("error: " + name), Not(HasSubstr("filesystem error"))));
}

}  // namespace
}  // namespace qreason::testing
