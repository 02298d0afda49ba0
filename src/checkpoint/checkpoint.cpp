#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/shown_name.h"
#include "checkpoint/finite_checkpoint.h"
#include "checkpoint/quantized_model.h"
#include "checkpoint/readers.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxConfig = 64 << 20;

// Where folders say how they were quantized: under a key of config.json (compressed-tensors once wrote its settings
// under another name), or in a file of its own, as the first tools did, whose method its name tells.
constexpr std::array kSettingsKeys{"quantization_config", "compression_config"};
struct SettingsFile {
  const char* name;
  const char* method;
};
constexpr std::array kSettingsFiles{SettingsFile{"quantize_config.json", "gptq"},
                                    SettingsFile{"quant_config.json", "awq"}};

// `config` is what `text`, that of config.json, holds.
std::optional<QuantizationSettings> quantization_settings(const fs::path& folder, const Json& config,
                                                          const std::string& text, const std::string& where) {
  for (const char* key : kSettingsKeys) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) continue;
    QuantizationSettings settings{.json = *found, .where = where + " " + key};
    settings.ordered = parse_ordered_json(text, where).at(key);
    settings.method = json_string(settings.json, "quant_method", settings.where);
    return settings;
  }
  for (const SettingsFile& file : kSettingsFiles) {
    const fs::path path = folder / file.name;
    if (!is_present(path)) continue;
    QuantizationSettings settings{.where = path.string()};
    const std::string own = read_text_file(path, kMaxConfig);
    settings.json = parse_json(own, settings.where);
    settings.ordered = parse_ordered_json(own, settings.where);
    settings.method = json_string_if(settings.json, "quant_method", settings.where).value_or(file.method);
    return settings;
  }
  return std::nullopt;
}

}  // namespace

bool is_present(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

namespace {

std::unique_ptr<Checkpoint> open_any(const fs::path& path, ThreadPool* pool) {
  if (!is_present(path)) throw Error(path.string(), "no such file or folder", "a model folder or a .gguf file");
  if (!fs::is_directory(path)) {
    if (path.extension() == ".gguf") return open_gguf(path, pool);
    throw Error(path.string(), "a file of another kind", "a model folder or a .gguf file");
  }
  const fs::path config_path = path / "config.json";
  if (!is_present(config_path)) throw Error(path.string(), "no config.json in it", "a model folder or a .gguf file");
  const std::string where = config_path.string();
  const std::string text = read_text_file(config_path, kMaxConfig);
  const Json config = parse_json(text, where);
  if (!config.is_object()) throw Error(where, fmt::format("a JSON {}", config.type_name()), "an object");
  const auto settings = quantization_settings(path, config, text, where);
  if (!settings) return open_hf(path, config);
  if (settings->method == "qreason") return open_native(path, config, pool);
  if (quantized_reader(settings->method) != nullptr) return open_hf(path, config, &*settings, pool);
  throw Error(where, fmt::format("quant_method \"{}\", which is not readable", shown_name(settings->method)),
              fmt::format("a float checkpoint, one of qreason's own, or {}", readable_quant_methods()));
}

}  // namespace

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path, ThreadPool* pool) {
  return with_finite_tensors(open_any(path, pool), pool);
}

}  // namespace qreason
