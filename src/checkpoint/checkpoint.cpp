#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/shown_name.h"
#include "checkpoint/finite_checkpoint.h"
#include "checkpoint/readers.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxConfig = 64 << 20;

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
  const Json config = parse_json(read_text_file(config_path, kMaxConfig), where);
  if (!config.is_object()) throw Error(where, fmt::format("a JSON {}", config.type_name()), "an object");
  const auto method = quant_method(config, where);
  if (!method) return open_hf(path, config);
  if (*method == "qreason") return open_native(path, config, pool);
  throw Error(where, fmt::format("quant_method \"{}\", which is not readable yet", shown_name(*method)),
              "a float checkpoint or one of qreason's own");
}

}  // namespace

std::unique_ptr<Checkpoint> open_checkpoint(const fs::path& path, ThreadPool* pool) {
  return with_finite_tensors(open_any(path, pool), pool);
}

}  // namespace qreason
