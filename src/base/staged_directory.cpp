#include "base/staged_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "base/error.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

fs::path whole_path(const fs::path& path) {
  std::error_code failure;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path), failure);
  return (failure ? fs::absolute(path).lexically_normal() : whole) / "";
}

// Both as of whole_path(), with a slash at the end.
bool is_or_holds(const fs::path& folder, const fs::path& other) {
  return other.string().starts_with(folder.string());
}

// "a/b/" and "a/b/." are a/b. What ".." means depends on links before it, so such a path is resolved.
fs::path plain_path(fs::path path) {
  while ((path.filename().empty() || path.filename() == ".") && path.has_parent_path() && path != path.root_path())
    path = path.parent_path();
  if (std::find(path.begin(), path.end(), "..") == path.end()) return path;
  if (path.filename() == "..") return fs::weakly_canonical(fs::absolute(path));
  return fs::weakly_canonical(fs::absolute(path).parent_path()) / path.filename();
}

bool is_mount(const fs::path& folder) {
  struct statx status {};
  if (::statx(AT_FDCWD, folder.c_str(), 0, STATX_BASIC_STATS, &status) != 0) return false;
  return (status.stx_attributes_mask & status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void require_writable(const fs::path& folder) {
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw Error(folder.string(), std::strerror(errno), "a folder that may be written");
}

// What would end a run of hours at its last step: of the folder itself, and of the one that it is renamed in.
void require_renamable(const fs::path& target) {
  std::error_code failure;
  if (fs::is_directory(target, failure)) {
    if (is_mount(target)) throw Error(target.string(), "a mount point, which nothing can replace", "a folder in it");
    require_writable(target);
  }
  fs::path above = fs::absolute(target).parent_path();
  while (!fs::exists(above, failure) && above != above.root_path()) above = above.parent_path();
  require_writable(above);
}

// What may become the folder, whatever is beside it.
fs::path require_replaceable(const fs::path& given, const StagedDirectory::Options& options) {
  StagedDirectory::refuse_precious(given, options.inputs);
  fs::path target = plain_path(follow_links(plain_path(given)));
  std::error_code failure;
  if (!fs::exists(target, failure)) return target;
  if (!fs::is_directory(target, failure)) throw Error(target.string(), "not a folder", "a new path");
  if (options.if_exists == IfExists::kError)
    throw Error(target.string(), "it exists already", "a new path, or --force");
  require_ours(target);
  return target;
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
  // Before the target is looked at: a killed run may have left it under another name.
  refuse_precious(given, options.inputs);
  const fs::path target = plain_path(follow_links(plain_path(given)));
  const fs::path unfinished = whole_path(target.string() + ".partial");
  for (const fs::path& input : options.inputs)
    if (!input.empty() && is_or_holds(unfinished, whole_path(input)))
      throw Error(input.string(), "read from the unfinished folder of what is made", "what is read elsewhere");
  std::error_code failure;
  const bool is_file = fs::exists(target, failure) && !fs::is_directory(target, failure);
  if (!is_file) Staging::require_free(target, options.work, options.if_exists);
  require_replaceable(target, options);
  require_renamable(target);
  return target;
}

void StagedDirectory::remove(const fs::path& given) {
  const Options options{.if_exists = IfExists::kReplace};
  const fs::path target = require_target(given, options);
  std::error_code failure;
  const bool is_there = fs::exists(target, failure);
  if (!is_there && !fs::exists(target.string() + ".partial", failure)) return;
  Staging staging(target, {.what = "the removal of a folder", .settings = {}}, IfExists::kReplace);
  staging.clear();
  if (is_there) staging.drop_target();
}

StagedDirectory::StagedDirectory(const fs::path& target, const Options& options)
    : options_(options),
      target_(require_target(target, options)),
      staging_(std::make_unique<Staging>(target_, options.work, options.if_exists)) {
  require_replaceable(target_, options);  // another process may have finished it meanwhile
}

void StagedDirectory::commit() {
  write_manifest(staging_->made(), staging_->files());
  require_replaceable(target_, options_);
  staging_->publish();
}

}  // namespace qreason
