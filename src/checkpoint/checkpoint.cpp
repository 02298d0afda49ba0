#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/readers.h"
#include "checkpoint/shown_name.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxConfig = 64 << 20;

void check_number(double value, const char* key, double high, const std::string& where) {
  if (value >= 0 && value <= high) return;
  throw Error(where, fmt::format("\"{}\" is {}", key, value), fmt::format("0 to {}", high));
}

std::optional<std::string> quant_method(const Json& config, const std::string& where) {
  // compressed-tensors once wrote its settings under another name.
  for (const char* key : {"quantization_config", "compression_config"}) {
    const auto found = config.find(key);
    if (found == config.end() || found->is_null()) continue;
    return json_string(*found, "quant_method", where + " " + key);
  }
  return std::nullopt;
}

}  // namespace

bool is_present(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

void check_generation_defaults(const GenerationDefaults& defaults, const std::string& where) {
  if (defaults.temperature) check_number(*defaults.temperature, "temperature", 1000, where);
  if (defaults.top_p) check_number(*defaults.top_p, "top_p", 1, where);
  if (defaults.top_k) check_number(static_cast<double>(*defaults.top_k), "top_k", 1 << 24, where);
  for (const std::int64_t token : defaults.eos_tokens) {
    check_number(static_cast<double>(token), "eos_token_id", INT32_MAX, where);
  }
}

GenerationDefaults read_generation_defaults(const fs::path& folder) {
  GenerationDefaults defaults;
  const fs::path path = folder / "generation_config.json";
  if (!is_present(path)) return defaults;
  const std::string where = path.string();
  const Json json = parse_json(read_text_file(path, kMaxConfig), where);
  defaults.temperature = json_number_if(json, "temperature", where);
  defaults.top_p = json_number_if(json, "top_p", where);
  defaults.top_k = json_int_if(json, "top_k", where);
  const auto eos = json.find("eos_token_id");
  const Json list = eos == json.end() || eos->is_null() ? Json::array() : eos->is_array() ? *eos : Json::array({*eos});
  for (const Json& id : list) {
    if (!id.is_number_integer()) throw Error(where, "an \"eos_token_id\" that is no number", "a token id or a list");
    defaults.eos_tokens.push_back(id.get<std::int64_t>());
  }
  check_generation_defaults(defaults, where);
  return defaults;
}

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path, ThreadPool* pool) {
  if (!is_present(path)) throw Error(path.string(), "no such file or folder", "a model folder or a .gguf file");
  if (!fs::is_directory(path)) {
    if (path.extension() == ".gguf") return open_gguf(path, pool);
    throw Error(path.string(), "a file of another kind", "a model folder or a .gguf file");
  }
  const fs::path config_path = path / "config.json";
  if (!is_present(config_path)) throw Error(path.string(), "no config.json in it", "a model folder or a .gguf file");
  const std::string where = config_path.string();
  const Json config = parse_json(read_text_file(config_path, kMaxConfig), where);
  if (!config.is_object()) throw Error(where, fmt::format("a JSON {}", config.type_name()), "an object");
  const auto method = quant_method(config, where);
  if (!method) return open_hf(path, config);
  if (*method == "qreason") return open_native(path, config, pool);
  throw Error(where, fmt::format("quant_method \"{}\", which is not readable yet", shown_name(*method)),
              "a float checkpoint or one of qreason's own");
}

}  // namespace qreason
