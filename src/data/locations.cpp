#include "data/locations.h"

#include <array>
#include <cstdlib>

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::array kPackings{"", ".gz", ".zst"};
constexpr std::array kExtensions{".jsonl", ".json", ".csv", ".parquet"};

std::optional<fs::path> environment_path(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

}  // namespace

std::optional<fs::path> store_folder() {
  if (const auto store = environment_path("QREASON_STORE")) return store;
  if (const auto home = environment_path("HOME")) return *home / ".cache" / "qreason";
  return std::nullopt;
}

std::vector<fs::path> shipped_data_folders() {
  std::vector<fs::path> candidates;
  std::error_code failure;
  const fs::path executable = fs::read_symlink("/proc/self/exe", failure);
  if (!failure) {
    const fs::path folder = executable.parent_path();
    candidates = {folder.parent_path() / "share" / "qreason" / "data", folder.parent_path() / "data"};
  }
#ifdef QREASON_SOURCE_DATA
  candidates.emplace_back(QREASON_SOURCE_DATA);
#endif
  std::vector<fs::path> folders;
  for (const fs::path& candidate : candidates) {
    if (fs::is_directory(candidate, failure)) folders.push_back(candidate);
  }
  return folders;
}

std::optional<fs::path> shipped_data(const std::string& relative) {
  std::error_code failure;
  for (const fs::path& folder : shipped_data_folders()) {
    if (fs::exists(folder / relative, failure)) return folder / relative;
  }
  return std::nullopt;
}

std::vector<fs::path> data_folders() {
  std::vector<fs::path> folders;
  if (const auto chosen = environment_path("QREASON_DATA")) folders.push_back(*chosen);
  if (const auto store = store_folder()) folders.push_back(*store / "data");
  for (fs::path& folder : shipped_data_folders()) folders.push_back(std::move(folder));
  return folders;
}

std::string data_extension(const std::string& file) {
  for (const char* packing : kPackings)
    for (const char* extension : kExtensions)
      if (const std::string whole = std::string(extension) + packing; file.ends_with(whole)) return whole;
  return "";
}

std::optional<fs::path> find_data_file(const fs::path& folder, const std::string& name) {
  std::error_code failure;
  for (const char* packing : kPackings) {
    for (const char* extension : kExtensions) {
      for (const fs::path& stem : {folder / name, folder / name / "test"}) {
        const fs::path file = stem.string() + extension + packing;
        if (fs::is_regular_file(file, failure)) return file;
      }
    }
  }
  return std::nullopt;
}

}  // namespace qreason
