#include "base/staged_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kLargestManifest = 1 << 24;

fs::path whole_path(const fs::path& path) {
  std::error_code failure;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path), failure);
  return (failure ? fs::absolute(path).lexically_normal() : whole) / "";
}

// Both as of whole_path(), with a slash at the end.
bool is_or_holds(const fs::path& folder, const fs::path& other) {
  return other.string().starts_with(folder.string());
}

bool is_empty_folder(const fs::path& folder) {
  std::error_code failure;
  return fs::is_empty(folder, failure) && !failure;
}

// What the manifest says it holds; nullopt without a manifest of ours.
std::optional<OrderedJson> manifest_of(const fs::path& folder) {
  const fs::path path = folder / kFolderManifest;
  std::error_code failure;
  if (!fs::is_regular_file(fs::symlink_status(path, failure))) return std::nullopt;
  OrderedJson json = parse_ordered_json(read_text_file(path, kLargestManifest), path.string());
  if (text_or_empty(json, "made_by") != "qreason") return std::nullopt;
  return json;
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_directory() || entry.is_symlink())
      files.push_back(entry.path().lexically_relative(folder).generic_string());
  std::sort(files.begin(), files.end());
  return files;
}

void require_ours(const fs::path& folder) {
  if (is_empty_folder(folder)) return;
  const auto manifest = manifest_of(folder);
  if (!manifest)
    throw Error(folder.string(), fmt::format("a folder that qreason did not make (no {} in it)", kFolderManifest),
                "a new path");
  std::set<std::string> listed{kFolderManifest};
  if (const auto files = manifest->find("files"); files != manifest->end() && files->is_array())
    for (const OrderedJson& file : *files)
      if (file.is_string()) listed.insert(file.get<std::string>());
  for (const std::string& file : files_in(folder))
    if (!listed.contains(file))
      throw Error((folder / file).string(), "a file that qreason did not put there", "it elsewhere, or a new path");
}

// As a run killed before its folder was marked leaves it: empty, or with the mark not yet renamed (base/file.h).
bool is_just_begun(const fs::path& folder) {
  const fs::path torn_mark = fmt::format("{}.qreason-tmp", kFolderManifest);
  std::error_code failure;
  const auto entries = fs::directory_iterator(folder, failure);
  return !failure && std::all_of(begin(entries), end(entries), [&](const fs::directory_entry& entry) {
    return entry.path().filename() == torn_mark && fs::is_regular_file(entry.symlink_status());
  });
}

// A folder in the making of ours: marked, and without a list.
void require_unfinished(const fs::path& folder) {
  if (is_just_begun(folder)) return;
  const auto manifest = manifest_of(folder);
  if (!manifest)
    throw Error(folder.string(), "it exists, and is no unfinished work of qreason", "no such folder, or another -o");
}

void mark_unfinished(const fs::path& folder) {
  if (manifest_of(folder)) return;
  write_file_atomic(folder / kFolderManifest, OrderedJson{{"made_by", "qreason"}}.dump(2) + "\n");
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::rename(from, to, failure);
  if (failure) throw Error(to.string(), fmt::format("renaming {} to it failed: {}", from.string(), failure.message()));
}

fs::path without_last_slash(fs::path path) {
  path = path.lexically_normal();
  while (path.filename().empty() && path.has_parent_path() && path != path.root_path()) path = path.parent_path();
  return path;
}

}  // namespace

void StagedDirectory::refuse_precious(const fs::path& target, const std::vector<fs::path>& inputs) {
  if (target.empty()) throw Error("output", "an empty path", "a folder");
  const fs::path folder = whole_path(target);
  const auto refuse = [&](const char* what) { throw Error(target.string(), what, "a folder of its own"); };
  if (folder == folder.root_path()) refuse("the root folder");
  if (is_or_holds(folder, whole_path(fs::current_path()))) refuse("the working folder or one that holds it");
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0' && is_or_holds(folder, whole_path(home)))
    refuse("the home folder or one that holds it");
  for (const fs::path& input : inputs)
    if (!input.empty() && is_or_holds(folder, whole_path(input)))
      refuse("the model or the data that is read, or a folder that holds them");
}

fs::path StagedDirectory::require_target(const fs::path& given, const Options& options) {
  refuse_precious(given, options.inputs);
  fs::path target = without_last_slash(follow_links(without_last_slash(given)));
  std::error_code failure;
  if (!fs::exists(target, failure)) return target;
  if (!fs::is_directory(target, failure)) throw Error(target.string(), "not a folder", "a new path");
  if (options.if_exists == IfExists::kError)
    throw Error(target.string(), "it exists already", "a new path, or --force");
  require_ours(target);
  return target;
}

void StagedDirectory::remove(const fs::path& given) {
  const fs::path target = require_target(given, {.if_exists = IfExists::kReplace});
  const fs::path staging = target.string() + ".partial";
  if (fs::is_directory(fs::symlink_status(staging))) {
    require_unfinished(staging);
    fs::remove_all(staging);
  }
  fs::remove_all(target);
}

StagedDirectory::StagedDirectory(const fs::path& target, const Options& options)
    : options_(options), target_(require_target(target, options)), staging_(target_.string() + ".partial") {
  std::error_code failure;
  const fs::file_status found = fs::symlink_status(staging_, failure);
  if (fs::exists(found) && !fs::is_directory(found)) throw Error(staging_.string(), "not a folder", "no such file");
  fs::create_directories(staging_, failure);
  if (failure) throw Error(staging_.string(), fmt::format("creating failed: {}", failure.message()));
  require_unfinished(staging_);
  mark_unfinished(staging_);
}

void StagedDirectory::clear() {
  for (const auto& entry : fs::directory_iterator(staging_))
    if (entry.path().filename() != kFolderManifest) fs::remove_all(entry.path());
}

void StagedDirectory::commit() {
  std::vector<std::string> files = files_in(staging_);
  std::erase(files, kFolderManifest);
  write_file_atomic(staging_ / kFolderManifest, OrderedJson{{"made_by", "qreason"}, {"files", files}}.dump(2) + "\n");
  require_target(target_, options_);
  std::error_code failure;
  if (!fs::exists(target_, failure)) {
    rename_folder(staging_, target_);
  } else {
    const fs::path old = target_.string() + ".old";
    if (fs::exists(old, failure)) {
      require_ours(old);
      fs::remove_all(old);
    }
    rename_folder(target_, old);
    rename_folder(staging_, target_);
    fs::remove_all(old, failure);
  }
  try {
    sync_directory(target_.parent_path());
  } catch (const Error&) {
    // The folder is whole and in its place. A disk that forgets the renaming has the unfinished folder, which resumes.
  }
}

}  // namespace qreason
