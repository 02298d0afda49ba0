// `qreason quantize` killed with SIGKILL at five points, or interrupted, and started again writes the bytes of a run
// that was left alone.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "support/fixtures.h"

namespace qreason {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kLayers = 6, kHidden = 64, kIntermediate = 192, kKeyValue = 32, kVocabulary = 96;

// A safetensors file of random float32 matrices, or of token ids.
class TensorFile {
 public:
  void add_random(const std::string& name, std::vector<int> shape) {
    std::size_t count = 1;
    for (const int size : shape) count *= static_cast<std::size_t>(size);
    std::normal_distribution<float> normal(0.0f, 0.1f);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    add(name, "F32", std::move(shape), values.data(), count * sizeof(float));
  }
  void add_tokens(int samples, int length) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(samples * length));
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random_() % kVocabulary);
    add("tokens", "I32", {samples, length}, ids.data(), ids.size() * sizeof(std::int32_t));
  }
  void write(const fs::path& path) const {
    std::string header = header_.dump();
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out << header << bytes_;
  }

 private:
  void add(const std::string& name, const char* type, std::vector<int> shape, const void* data, std::size_t size) {
    header_[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {bytes_.size(), bytes_.size() + size}}};
    bytes_.append(static_cast<const char*>(data), size);
  }

  std::mt19937 random_{11};
  json header_ = json::object();
  std::string bytes_;
};

void write_model(const fs::path& folder) {
  fs::create_directories(folder);
  TensorFile file;
  file.add_random("model.embed_tokens.weight", {kVocabulary, kHidden});
  file.add_random("model.norm.weight", {kHidden});
  file.add_random("lm_head.weight", {kVocabulary, kHidden});
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer) + ".";
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
      file.add_random(block + norm + ".weight", {kHidden});
    file.add_random(block + "self_attn.q_proj.weight", {kHidden, kHidden});
    file.add_random(block + "self_attn.k_proj.weight", {kKeyValue, kHidden});
    file.add_random(block + "self_attn.v_proj.weight", {kKeyValue, kHidden});
    file.add_random(block + "self_attn.o_proj.weight", {kHidden, kHidden});
    file.add_random(block + "mlp.gate_proj.weight", {kIntermediate, kHidden});
    file.add_random(block + "mlp.up_proj.weight", {kIntermediate, kHidden});
    file.add_random(block + "mlp.down_proj.weight", {kHidden, kIntermediate});
  }
  file.write(folder / "model.safetensors");
  const json config{{"architectures", {"LlamaForCausalLM"}},
                    {"model_type", "llama"},
                    {"hidden_size", kHidden},
                    {"intermediate_size", kIntermediate},
                    {"num_hidden_layers", kLayers},
                    {"num_attention_heads", 2},
                    {"num_key_value_heads", 1},
                    {"head_dim", 32},
                    {"vocab_size", kVocabulary},
                    {"max_position_embeddings", 512},
                    {"rms_norm_eps", 1e-6},
                    {"rope_theta", 10000.0},
                    {"hidden_act", "silu"},
                    {"tie_word_embeddings", false},
                    {"torch_dtype", "float32"}};
  std::ofstream(folder / "config.json") << config.dump(2);
}

std::size_t lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) ++count;
  return count;
}

class QuantizeKill : public ::testing::Test {
 protected:
  void SetUp() override {
    write_model(folder_.path() / "model");
    TensorFile tokens;
    tokens.add_tokens(12, 256);
    tokens.write(folder_.path() / "tokens.safetensors");
  }

  std::vector<std::string> command(const std::string& output) const {
    return {testing::qreason_binary(),
            "quantize",
            (folder_.path() / "model").string(),
            "gptq-w3g32",
            "-o",
            (folder_.path() / output).string(),
            "--calibration",
            (folder_.path() / "tokens.safetensors").string(),
            "--quiet"};
  }

  pid_t start(const std::string& output) const {
    const std::vector<std::string> words = command(output);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      const int null = ::open("/dev/null", O_WRONLY);
      ::dup2(null, 1);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    return child;
  }

  int finish(const std::string& output) const {
    int status = 0;
    ::waitpid(start(output), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // The wait status of a run that was sent the signal when its journal had `lines` lines or more.
  int signal_at(const std::string& output, std::size_t lines, int signal) const {
    const pid_t child = start(output);
    const fs::path journal = folder_.path() / (output + ".partial") / "progress.jsonl";
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
      if (lines_of(journal) >= lines) {
        ::kill(child, signal);
        ::waitpid(child, &status, 0);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return status;
  }

  // False when the run was faster.
  bool kill_at(const std::string& output, std::size_t lines) const {
    return WIFSIGNALED(signal_at(output, lines, SIGKILL));
  }

  std::map<std::string, std::string> files_of(const std::string& output) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_.path() / output)) {
      std::ifstream in(entry.path(), std::ios::binary);
      files[entry.path().filename().string()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    files.erase("report.json");  // holds seconds
    return files;
  }

  testing::ScratchFolder folder_;
};

TEST_F(QuantizeKill, ResumesToTheSameBytesFromFivePoints) {
  ASSERT_EQ(finish("whole"), 0);
  const auto whole = files_of("whole");
  ASSERT_GT(whole.size(), 7u);
  // The journal's first line is the job's, every other one a finished block.
  for (const std::size_t lines : {1, 2, 3, 4, 6}) {
    const std::string output = "killed-" + std::to_string(lines);
    SCOPED_TRACE(output);
    ASSERT_TRUE(kill_at(output, lines));
    EXPECT_FALSE(fs::exists(folder_.path() / output));
    ASSERT_EQ(finish(output), 0);
    EXPECT_FALSE(fs::exists(folder_.path() / (output + ".partial")));
    const auto files = files_of(output);
    ASSERT_EQ(files.size(), whole.size());
    for (const auto& [name, bytes] : whole) EXPECT_TRUE(files.at(name) == bytes) << name;
  }
}

TEST_F(QuantizeKill, ResumesAfterSeveralKillsOfOneRun) {
  ASSERT_EQ(finish("whole"), 0);
  for (const std::size_t lines : {2, 4, 5}) ASSERT_TRUE(kill_at("again", lines));
  ASSERT_EQ(finish("again"), 0);
  EXPECT_TRUE(files_of("again") == files_of("whole"));
}

// cli.md: exit code 130 when interrupted, and the same command resumes.
TEST_F(QuantizeKill, AnInterruptExitsWith130AndResumes) {
  ASSERT_EQ(finish("whole"), 0);
  const int status = signal_at("interrupted", 2, SIGINT);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_FALSE(fs::exists(folder_.path() / "interrupted"));
  ASSERT_EQ(finish("interrupted"), 0);
  EXPECT_TRUE(files_of("interrupted") == files_of("whole"));
}

}  // namespace
}  // namespace qreason
