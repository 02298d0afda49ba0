#include "support/tiny_model.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/fixtures.h"

namespace qreason::testing {
namespace fs = std::filesystem;
using nlohmann::json;

void TensorFile::add_random(const std::string& name, std::vector<int> shape) {
  std::size_t count = 1;
  for (const int size : shape) count *= static_cast<std::size_t>(size);
  std::normal_distribution<float> normal(0.0f, deviation_);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random_);
  add(name, "F32", std::move(shape), values.data(), count * sizeof(float));
}

void TensorFile::add_tokens(int samples, int length, int vocabulary) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(samples * length));
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random_() % static_cast<unsigned>(vocabulary));
  add("tokens", "I32", {samples, length}, ids.data(), ids.size() * sizeof(std::int32_t));
}

void TensorFile::write(const fs::path& path) const {
  std::string header = header_.dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out << header << bytes_;
}

void TensorFile::add(const std::string& name, const char* type, std::vector<int> shape, const void* data,
                     std::size_t size) {
  header_[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {bytes_.size(), bytes_.size() + size}}};
  bytes_.append(static_cast<const char*>(data), size);
}

void write_tiny_model(const fs::path& folder, const TinyModel& shape) {
  fs::create_directories(folder);
  TensorFile file(shape.deviation);
  file.add_random("model.embed_tokens.weight", {shape.vocabulary, shape.hidden});
  file.add_random("model.norm.weight", {shape.hidden});
  file.add_random("lm_head.weight", {shape.vocabulary, shape.hidden});
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer) + ".";
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
      file.add_random(block + norm + ".weight", {shape.hidden});
    file.add_random(block + "self_attn.q_proj.weight", {shape.hidden, shape.hidden});
    file.add_random(block + "self_attn.k_proj.weight", {shape.key_value, shape.hidden});
    file.add_random(block + "self_attn.v_proj.weight", {shape.key_value, shape.hidden});
    file.add_random(block + "self_attn.o_proj.weight", {shape.hidden, shape.hidden});
    file.add_random(block + "mlp.gate_proj.weight", {shape.intermediate, shape.hidden});
    file.add_random(block + "mlp.up_proj.weight", {shape.intermediate, shape.hidden});
    file.add_random(block + "mlp.down_proj.weight", {shape.hidden, shape.intermediate});
  }
  file.write(folder / "model.safetensors");
  const json config{{"architectures", {"LlamaForCausalLM"}},
                    {"model_type", "llama"},
                    {"hidden_size", shape.hidden},
                    {"intermediate_size", shape.intermediate},
                    {"num_hidden_layers", shape.layers},
                    {"num_attention_heads", 2},
                    {"num_key_value_heads", shape.key_value * 2 / shape.hidden},
                    {"head_dim", shape.hidden / 2},
                    {"vocab_size", shape.vocabulary},
                    {"max_position_embeddings", shape.context},
                    {"rms_norm_eps", 1e-6},
                    {"rope_theta", 10000.0},
                    {"hidden_act", "silu"},
                    {"tie_word_embeddings", false},
                    {"torch_dtype", "float32"}};
  std::ofstream(folder / "config.json") << config.dump(2);
}

void write_tiny_chat_model(const fs::path& folder) {
  json tokenizer;
  std::ifstream(project_path("tests/data/tokenizer/small.json")) >> tokenizer;
  const int first = static_cast<int>(tokenizer["model"]["vocab"].size());
  int next = first;
  for (const char* text : {"<bos>", "<eos>", "<user>", "<assistant>"})
    tokenizer["added_tokens"].push_back({{"id", next++},
                                         {"content", text},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false},
                                         {"special", true}});
  write_tiny_model(folder, {.layers = 2, .hidden = 64, .intermediate = 128, .vocabulary = next, .context = 1024});
  std::ofstream(folder / "tokenizer.json") << tokenizer.dump();
  std::ofstream(folder / "tokenizer_config.json") << json{
      {"bos_token", "<bos>"},
      {"eos_token", "<eos>"},
      {"add_bos_token", false},
      {"chat_template",
       "{{ bos_token }}{% for message in messages %}{{ '<user>' + message['content'] }}{% endfor %}"
       "{{ '<assistant><think>\\n' }}"}}.dump(2);
  std::ofstream(folder / "generation_config.json") << json{{"eos_token_id", first + 1}}.dump(2);
}

namespace {

constexpr int kSystemCall = SIGTRAP | 0x80;  // what a traced program that entered or left the kernel stops with

enum class Tracing { kOff, kOn };

pid_t start(const std::vector<std::string>& command, Tracing tracing) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 1);
    if (tracing == Tracing::kOn && ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(127);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  return child;
}

}  // namespace

int run_to_end(const std::vector<std::string>& command) {
  int status = 0;
  ::waitpid(start(command, Tracing::kOff), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_and_signal(const std::vector<std::string>& command, int signal, const std::function<bool()>& now) {
  const pid_t child = start(command, Tracing::kOn);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSTOPPED(status)) ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  while (WIFSTOPPED(status)) {
    if (now()) {
      ::kill(child, signal);
      ::ptrace(PTRACE_DETACH, child, nullptr, nullptr);
    } else {
      const int stop = WSTOPSIG(status);
      const long pass_on = stop == kSystemCall || stop == SIGTRAP ? 0 : stop;
      ::ptrace(PTRACE_SYSCALL, child, nullptr, pass_on);
    }
    ::waitpid(child, &status, 0);
  }
  return status;
}

bool run_and_kill(const std::vector<std::string>& command, const std::function<bool()>& now) {
  return WIFSIGNALED(run_and_signal(command, SIGKILL, now));
}

std::size_t lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::size_t count = 0;
  for (std::string line; std::getline(in, line);) ++count;
  return count;
}

}  // namespace qreason::testing
