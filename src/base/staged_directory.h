// A folder that is complete or absent, and that replaces nothing but finished folders of its own kind.
//
// Files go to `path()`, a folder in <target>.partial (base/staging.h); commit() writes kFolderManifest, the list of
// what the program put there, and renames the folder to the target, or exchanges it with the one that is replaced. A
// killed run leaves its `.partial`, in which the same work goes on; other work is refused, or begins anew with --force.
// One process at a time has a target. What is replaced, resumed in or emptied has nobody else's files in it.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/folder_manifest.h"
#include "base/output_path.h"
#include "base/staging.h"

namespace qreason {

class StagedDirectory {
 public:
  struct Options {
    IfExists if_exists = IfExists::kError;
    std::vector<std::filesystem::path> inputs = {};  // the target may not be one of these or hold one
    StagedWork work = {};
  };

  // Errors: as of require_target().
  StagedDirectory(const std::filesystem::path& target, const Options& options);

  // Where the folder's files go. Only those that are told (base/written_files.h) become files of the program.
  const std::filesystem::path& path() const { return staging_->made(); }
  // Beside it, for journals and whatever is no part of the folder: gone with commit().
  const std::filesystem::path& work_path() const { return staging_->folder(); }
  const std::filesystem::path& target() const { return target_; }
  // Empties both: begins again.
  void clear() { staging_->clear(); }
  // Removes what the program put into path() under other names.
  void keep_only(const std::set<std::string>& names) { staging_->keep_only(names); }
  void commit();

  // The folder that will be made, links followed. Before long work: all that commit() would refuse. Errors: the root,
  // the home folder, the working folder, an input, or a folder that holds one of these; a file; an existing folder with
  // kError, and one with kReplace that is not ours; what cannot be renamed; what Staging refuses: another process that
  // writes there, unfinished work of another kind, a `.partial` that is none.
  static std::filesystem::path require_target(const std::filesystem::path& target, const Options& options);

  // Errors as require_target's for folders that no output may be, whether they exist or not.
  static void refuse_precious(const std::filesystem::path& target, const std::vector<std::filesystem::path>& inputs);

  // Removes such a folder with the unfinished one beside it; both may be absent. Errors: what kReplace would not
  // replace.
  static void remove(const std::filesystem::path& target);

 private:
  Options options_;
  std::filesystem::path target_;
  std::unique_ptr<Staging> staging_;
};

}  // namespace qreason
