// The unfinished folder beside the target of a StagedDirectory: whose work it is, which of its files are the program's,
// and that one process writes there.
//
//   <target>.partial/qreason_work.jsonl  a journal (base/journal.h), locked by who writes: {"made_by", "work",
//                                        "settings": SHA-256}, then {"file": NAME} before each file is made,
//                                        {"commits": INODE} before it becomes the target
//                    made/               what will be the target; the inode is this folder's
//                    replaced/           what was the target, between two renames
//                    dropped/            what goes
//                    ...                 journals and whatever else goes with the work
//
// A finished folder has kFolderManifest at its top and an unfinished one never has: neither can be taken for the other,
// whatever they are called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/journal.h"
#include "base/output_path.h"
#include "base/written_files.h"

namespace qreason {

// What somebody is at, for people and for programs.
struct StagedWork {
  std::string what;      // "quantize gptq-w4g128 of /models/x"
  std::string settings;  // equal texts: what one has begun the other may go on with
};

class Staging {
 public:
  // Before long work, with Errors as the constructor's. First ends what a killed commit began: the target is put back,
  // or is the new folder, and what was replaced is gone.
  static void require_free(const std::filesystem::path& target, const StagedWork& work, IfExists if_exists);

  // Makes, or goes on in, the unfinished folder, alone. Errors: another process writes there; unfinished work of other
  // settings (kReplace: it goes); what is no unfinished work of the program's, or has files of others.
  Staging(const std::filesystem::path& target, const StagedWork& work, IfExists if_exists);
  ~Staging();  // without publish(): where nothing was made, nothing is left
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  const std::filesystem::path& made() const { return made_; }

  // Removes the program's files. Errors: others are there.
  void clear();
  // Removes the program's files in made() but those.
  void keep_only(const std::set<std::string>& names);
  // The program's files in made(), those that a killed run left under temporary names aside.
  std::vector<std::string> files();
  // made() becomes the target; a folder that is there must be one that may be replaced, and is looked at again.
  void publish();
  // What is there at the target goes, complete or not at all.
  void drop_target();

 private:
  struct List {
    std::optional<StagedWork> work;  // the settings' hash
    std::set<std::string> files;
    std::optional<std::uint64_t> commits;
  };
  static List read(const std::vector<std::string>& lines, const std::filesystem::path& folder);
  static std::optional<List> look_at(const std::filesystem::path& folder);
  static void settle(const std::filesystem::path& folder, const std::filesystem::path& target, const List& list);
  static void require_own(const std::filesystem::path& folder, const List& list);
  static std::set<std::string> own_files(const List& list);

  static bool is_other(const std::filesystem::path& folder, const List& list, const StagedWork& work);
  static void refuse_other(const std::filesystem::path& folder, const List& list, const StagedWork& work,
                           IfExists if_exists);
  static void remove_folder(const std::filesystem::path& folder, const List& list);

  void lock();
  void replace();

  std::filesystem::path target_, folder_, made_;
  std::optional<Journal> journal_;  // the lock
  List list_;
  std::optional<WrittenFiles> listening_;
};

}  // namespace qreason
