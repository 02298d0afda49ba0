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

double checked_number(double value, const char* key, double low, double high, const std::string& where) {
  if (!(value >= low && value <= high)) {
    throw Error(where, fmt::format("\"{}\" is {}", key, value), fmt::format("{} to {}", low, high));
  }
  return value;
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

GenerationDefaults read_generation_defaults(const fs::path& folder) {
  GenerationDefaults defaults;
  const fs::path path = folder / "generation_config.json";
  if (!fs::exists(path)) return defaults;
  const std::string where = path.string();
  const Json json = parse_json(read_text_file(path, kMaxConfig), where);
  defaults.temperature = json_number_if(json, "temperature", where);
  if (defaults.temperature) checked_number(*defaults.temperature, "temperature", 0, 1000, where);
  defaults.top_p = json_number_if(json, "top_p", where);
  if (defaults.top_p) checked_number(*defaults.top_p, "top_p", 0, 1, where);
  defaults.top_k = json_int_if(json, "top_k", where);
  if (defaults.top_k) checked_number(static_cast<double>(*defaults.top_k), "top_k", 0, 1 << 24, where);
  const auto eos = json.find("eos_token_id");
  if (eos == json.end() || eos->is_null()) return defaults;
  const Json list = eos->is_array() ? *eos : Json::array({*eos});
  for (const Json& id : list) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX) {
      throw Error(where, "an \"eos_token_id\" that is no token id", "whole numbers");
    }
    defaults.eos_tokens.push_back(id.get<std::int64_t>());
  }
  return defaults;
}

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path) {
  if (!fs::exists(path)) throw Error(path.string(), "no such file or folder", "a model folder or a .gguf file");
  if (!fs::is_directory(path)) {
    if (path.extension() == ".gguf") return open_gguf(path);
    throw Error(path.string(), "a file of another kind", "a model folder or a .gguf file");
  }
  const fs::path config_path = path / "config.json";
  if (!fs::exists(config_path)) throw Error(path.string(), "no config.json in it", "a model folder or a .gguf file");
  const std::string where = config_path.string();
  const Json config = parse_json(read_text_file(config_path, kMaxConfig), where);
  if (!config.is_object()) throw Error(where, fmt::format("a JSON {}", config.type_name()), "an object");
  const auto method = quant_method(config, where);
  if (!method) return open_hf(path, config);
  if (*method == "qreason") return open_native(path, config);
  throw Error(where, fmt::format("quant_method \"{}\", which is not readable yet", shown_name(*method)),
              "a float checkpoint or one of qreason's own");
}

}  // namespace qreason
