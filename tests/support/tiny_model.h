// A random Llama in the Hugging Face layout, with a byte-level tokenizer and a chat template in R1 style: whole
// commands run on it in milliseconds. And programs that are killed while they run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace qreason::testing {

// A safetensors file of random float32 matrices, or of token ids, written by hand from the format's description.
class TensorFile {
 public:
  explicit TensorFile(float deviation = 0.1f) : deviation_(deviation) {}
  void add_random(const std::string& name, std::vector<int> shape);
  void add_tokens(int samples, int length, int vocabulary);  // "tokens"
  void write(const std::filesystem::path& path) const;

 private:
  void add(const std::string& name, const char* type, std::vector<int> shape, const void* data, std::size_t size);

  float deviation_;
  std::mt19937 random_{11};
  nlohmann::json header_ = nlohmann::json::object();
  std::string bytes_;
};

struct TinyModel {
  int layers = 6, hidden = 64, intermediate = 192, key_value = 32, vocabulary = 96, context = 512;
  float deviation = 0.1f;
};
// Weights and config.json.
void write_tiny_model(const std::filesystem::path& folder, const TinyModel& shape);
// With a tokenizer, a template and an end token besides.
void write_tiny_chat_model(const std::filesystem::path& folder);

// A program's run: to its end, or sent a signal (killed) as soon as `now` says so. What it prints goes nowhere.
int run_to_end(const std::vector<std::string>& command);  // its exit code
// As waitpid() gives it. The program is stopped at every system call of its main thread and `now` asked meanwhile, so
// that the signal comes right after what `now` looks for, however fast the program or busy the machine.
int run_and_signal(const std::vector<std::string>& command, int signal, const std::function<bool()>& now);
// True when it was killed, false when it ended before `now` was true.
bool run_and_kill(const std::vector<std::string>& command, const std::function<bool()>& now);

// Lines of a file so far; 0 where there is none.
std::size_t lines_of(const std::filesystem::path& path);

}  // namespace qreason::testing
