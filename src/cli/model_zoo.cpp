#include "cli/model_zoo.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/locations.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kFromHub;  // by `qreason pull` alone
constexpr std::string_view kLlama = "LlamaForCausalLM";
constexpr std::string_view kQwen2 = "Qwen2ForCausalLM";
constexpr std::string_view kQwen3 = "Qwen3ForCausalLM";

std::uint64_t size_of(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_directory(path, failure)) {
    const std::uintmax_t bytes = fs::file_size(path, failure);
    return failure ? 0 : bytes;
  }
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, failure)) {
    if (!entry.is_regular_file(failure)) continue;
    const std::uintmax_t size = entry.file_size(failure);
    if (!failure) bytes += size;
  }
  return bytes;
}

bool is_model(const fs::path& path) {
  std::error_code failure;
  if (fs::is_directory(path, failure)) return fs::exists(path / "config.json", failure);
  return path.extension() == ".gguf" && fs::is_regular_file(path, failure);
}

struct Below {
  std::string prefix;  // of names
  int depth = 1;       // folders that are no models are entered so deep
};

void collect(const fs::path& folder, const Below& below, std::vector<StoredModel>& models) {
  const auto& [prefix, depth] = below;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure)) {
    const fs::path& path = entry.path();
    const std::string file = path.filename().string();
    if (file.ends_with(".partial")) continue;
    if (is_model(path)) {
      const std::string name = path.extension() == ".gguf" ? path.stem().string() : file;
      models.push_back({.name = prefix + name, .path = path, .bytes = size_of(path)});
    } else if (depth > 0 && entry.is_directory(failure)) {
      collect(path, {.prefix = prefix + file + "/", .depth = depth - 1}, models);
    }
  }
}

}  // namespace

const std::vector<ZooModel>& model_zoo() {
  static const std::vector<ZooModel> zoo{
      {"r1-distill-qwen-1.5b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", kQwen2, 1777088000, "MIT", kFromHub},
      {"r1-distill-qwen-7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", kQwen2, 7615616512, "MIT", kFromHub},
      {"r1-distill-qwen-14b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", kQwen2, 14770033664, "MIT", kFromHub},
      {"r1-distill-qwen-32b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", kQwen2, 32763876352, "MIT", kFromHub},
      {"qwq-32b", "Qwen/QwQ-32B", kQwen2, 32763876352, "Apache-2.0", kFromHub},
      {"r1-distill-llama-8b", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", kLlama, 8030261248, "MIT, Llama 3.1",
       kFromHub},
      {"r1-distill-llama-70b", "deepseek-ai/DeepSeek-R1-Distill-Llama-70B", kLlama, 70553706496, "MIT, Llama 3.3",
       kFromHub},
      {"qwen3-8b", "Qwen/Qwen3-8B", kQwen3, 8190735360, "Apache-2.0", kFromHub},
      {"smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", kLlama, 134515008, "Apache-2.0",
       "tools/fetch_model.py smollm2-135m-instruct"},
      {"qwen2.5-coder-0.5b-instruct", "Qwen/Qwen2.5-Coder-0.5B-Instruct", kQwen2, 494032768, "Apache-2.0",
       "tools/fetch_model.py qwen2.5-coder-0.5b-instruct"},
      {"qwen2.5-coder-1.5b-instruct", "Qwen/Qwen2.5-Coder-1.5B-Instruct", kQwen2, 1777088000, "Apache-2.0",
       "tools/fetch_model.py qwen2.5-coder-1.5b-instruct"},
      {"steps-qwen2-1m", "", kQwen2, 1084032, "Apache-2.0", ""},
      {"steps-qwen2-3m", "", kQwen2, 3346688, "Apache-2.0", ""},
      {"steps-qwen2-8m", "", kQwen2, 7724288, "Apache-2.0", ""},
      {"steps-llama-1m", "", kLlama, 1058176, "Apache-2.0", ""},
  };
  return zoo;
}

std::string how_to_obtain(const ZooModel& model) {
  if (model.ships())
    return fmt::format("it in the project's models/{}; docs/steps.md says how it is trained", model.name);
  const std::string pull = fmt::format("run qreason pull {}", model.name);
  return model.fetch.empty() ? pull : fmt::format("{}, or {}", pull, model.fetch);
}

fs::path shipped_models() {
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  return failure ? fs::path() : program.parent_path().parent_path() / "models";
}

std::vector<StoredModel> stored_models() {
  std::vector<StoredModel> models;
  if (const auto store = store_folder()) {
    collect(*store, {}, models);
    // What `qreason pull` brought: ORG/NAME, and ORG/NAME/FILE of single files (cli/hub_store.h).
    collect(*store / "models", {}, models);
    collect(*store / "gguf", {.prefix = "", .depth = 2}, models);
  }
  std::sort(models.begin(), models.end(), [](const StoredModel& a, const StoredModel& b) { return a.name < b.name; });
  return models;
}

}  // namespace qreason
