#include "base/folder_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kLargestManifest = 1 << 24;

// nullopt without a manifest of ours.
std::optional<OrderedJson> manifest_of(const fs::path& folder) {
  const fs::path path = folder / kFolderManifest;
  std::error_code failure;
  if (!fs::is_regular_file(fs::symlink_status(path, failure))) return std::nullopt;
  OrderedJson json = parse_ordered_json(read_text_file(path, kLargestManifest), path.string());
  if (text_or_empty(json, "made_by") != "qreason") return std::nullopt;
  return json;
}

std::set<std::string> listed_in(const OrderedJson& manifest) {
  std::set<std::string> listed{kFolderManifest};
  if (const auto files = manifest.find("files"); files != manifest.end() && files->is_array())
    for (const OrderedJson& file : *files)
      if (file.is_string()) listed.insert(file.get<std::string>());
  return listed;
}

bool is_empty_folder(const fs::path& folder) {
  std::error_code failure;
  return fs::is_empty(folder, failure) && !failure;
}

}  // namespace

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory() || entry.is_symlink())
      files.push_back(entry.path().lexically_relative(folder).generic_string());
  std::sort(files.begin(), files.end());
  return files;
}

void write_manifest(const fs::path& folder, const std::vector<std::string>& files) {
  const OrderedJson manifest{{"made_by", "qreason"}, {"files", files}};
  write_file_atomic(folder / kFolderManifest,
                    manifest.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

bool has_manifest(const fs::path& folder) {
  return manifest_of(folder).has_value();
}

bool is_finished_folder(const fs::path& folder) {
  const auto manifest = manifest_of(folder);
  return manifest && manifest->contains("files");
}

void require_ours(const fs::path& folder) {
  if (is_empty_folder(folder)) return;
  const auto manifest = manifest_of(folder);
  if (!manifest)
    throw Error(folder.string(), fmt::format("a folder that qreason did not make (no {} in it)", kFolderManifest),
                "a new path");
  const std::set<std::string> listed = listed_in(*manifest);
  for (const std::string& file : files_in(folder))
    if (!listed.contains(file))
      throw Error((folder / file).string(), "a file that qreason did not put there", "it elsewhere, or a new path");
}

void remove_files(const fs::path& folder, const std::set<std::string>& names) {
  std::error_code failure;
  for (const std::string& file : files_in(folder))
    if (names.contains(file)) fs::remove(folder / file, failure);
  std::vector<fs::path> inside;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_directory() && !entry.is_symlink()) inside.push_back(entry.path());
  // Folders come before what is in them.
  for (auto path = inside.rbegin(); path != inside.rend(); ++path) fs::remove(*path, failure);
}

void remove_ours(const fs::path& folder) {
  require_ours(folder);
  std::error_code failure;
  if (const auto manifest = manifest_of(folder)) {
    std::set<std::string> listed = listed_in(*manifest);
    // Last of all: a kill must leave a folder that is known.
    listed.erase(kFolderManifest);
    remove_files(folder, listed);
    if (files_in(folder) == std::vector<std::string>{kFolderManifest}) fs::remove(folder / kFolderManifest, failure);
  }
  fs::remove(folder, failure);
  if (failure) throw Error(folder.string(), fmt::format("removing failed: {}", failure.message()));
}

}  // namespace qreason
