#include "cli/hub_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "data/locations.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kModels = "models";
constexpr const char* kGguf = "gguf";
constexpr std::string_view kExtension = ".gguf";

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

std::optional<fs::path> only_file_in(const fs::path& folder, const std::string& reference) {
  std::vector<std::string> files;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure))
    if (entry.path().extension() == kExtension) files.push_back(entry.path().filename().string());
  if (files.empty()) return std::nullopt;
  std::sort(files.begin(), files.end());
  if (files.size() > 1)
    throw Error(reference, fmt::format("{} files in the store", files.size()),
                fmt::format("one of {0}/{1}", reference, fmt::join(files, ", " + reference + "/")));
  return folder / files.front();
}

}  // namespace

fs::path required_store() {
  if (const auto store = store_folder()) return *store;
  throw Error("store", "neither QREASON_STORE nor HOME is set", "QREASON_STORE, the folder to put it into");
}

fs::path pulled_model(const fs::path& store, const HubReference& reference) {
  return store / kModels / hub_folder(reference);
}

fs::path pulled_gguf(const fs::path& store, const HubReference& reference, const std::string& file) {
  return store / kGguf / hub_folder(reference) / file;
}

std::optional<fs::path> find_pulled(const fs::path& store, const std::string& reference) {
  if (const auto whole = parse_hub_reference(reference)) {
    const fs::path folder = pulled_model(store, *whole);
    if (is_there(folder / "config.json")) return folder;
    if (const auto file = only_file_in(store / kGguf / hub_folder(*whole), reference)) return file;
  }
  const std::size_t slash = reference.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto repository = parse_hub_reference(reference.substr(0, slash));
  if (!repository) return std::nullopt;
  std::string file = reference.substr(slash + 1);
  if (!file.ends_with(kExtension)) file += kExtension;
  const fs::path path = pulled_gguf(store, *repository, file);
  return is_there(path) ? std::optional(path) : std::nullopt;
}

}  // namespace qreason
