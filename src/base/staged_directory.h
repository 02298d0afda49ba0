// A folder that is complete or absent, and that replaces nothing but folders of its own kind.
//
// Files go to `path()` = <target>.partial; commit() writes kFolderManifest, the list of what is in it, and renames it
// to the target. An existing `.partial` is kept, so that a killed run resumes in it. What is replaced, resumed in or
// emptied is a folder with that manifest whose every file the manifest lists (an unfinished one lists nothing and is
// only marked), or an empty one: never a folder that someone else made or put a file into.
#pragma once

#include <filesystem>
#include <vector>

#include "base/output_path.h"

namespace qreason {

inline constexpr const char* kFolderManifest = "qreason_folder.json";

class StagedDirectory {
 public:
  struct Options {
    IfExists if_exists = IfExists::kError;
    std::vector<std::filesystem::path> inputs = {};  // the target may not be one of these or hold one
  };

  // Errors: as of require_target(); a `.partial` that is no unfinished folder of ours.
  StagedDirectory(const std::filesystem::path& target, const Options& options);

  const std::filesystem::path& path() const { return staging_; }
  const std::filesystem::path& target() const { return target_; }
  // Empties path(): begins again.
  void clear();
  void commit();

  // The folder that will be made, links followed. Errors: the root, the home folder, the working folder, an input, or a
  // folder that holds one of these; a file; an existing folder with kError, and one with kReplace that is not ours.
  static std::filesystem::path require_target(const std::filesystem::path& target, const Options& options);

  // Errors as require_target's for folders that no output may be, whether they exist or not.
  static void refuse_precious(const std::filesystem::path& target, const std::vector<std::filesystem::path>& inputs);

  // Removes such a folder with the `.partial` beside it; both may be absent. Errors: what kReplace would not replace.
  static void remove(const std::filesystem::path& target);

 private:
  Options options_;
  std::filesystem::path target_;
  std::filesystem::path staging_;
};

}  // namespace qreason
