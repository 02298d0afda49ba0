#include "base/staging.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/folder_manifest.h"
#include "base/json.h"
#include "base/renaming.h"
#include "base/streamed_file.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr const char* kList = "qreason_work.jsonl";
constexpr const char* kMade = "made";
constexpr const char* kReplaced = "replaced";
constexpr const char* kDropped = "dropped";

fs::path folder_beside(const fs::path& target) {
  return target.string() + ".partial";
}

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(fs::symlink_status(path, failure));
}

std::optional<std::uint64_t> inode_of(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

// A disk that forgets the renaming has the unfinished folder, in which the next run goes on.
void sync_quietly(const fs::path& folder) {
  try {
    sync_directory(folder);
  } catch (const Error&) {
  }
}

std::string name_of(const std::optional<StagedWork>& work) {
  return !work || work->what.empty() ? "another command" : work->what;
}

std::string in_made(const std::string& file) {
  return fmt::format("{}/{}", kMade, file);
}

std::string in_line(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace

Staging::List Staging::read(const std::vector<std::string>& lines, const fs::path& folder) {
  List list;
  for (const std::string& line : lines) {
    const OrderedJson entry = parse_ordered_json(line, (folder / kList).string());
    if (text_or_empty(entry, "made_by") == "qreason")
      list.work = {text_or_empty(entry, "work"), text_or_empty(entry, "settings")};
    if (const std::string file = text_or_empty(entry, "file"); !file.empty()) list.files.insert(file);
    if (entry.is_object() && entry.contains("commits") && entry["commits"].is_number_unsigned())
      list.commits = entry["commits"].get<std::uint64_t>();
  }
  return list;
}

// Nothing where there is no such folder. Errors: what is no unfinished folder of the program's.
std::optional<Staging::List> Staging::look_at(const fs::path& folder) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(folder, failure);
  if (!fs::exists(status)) return std::nullopt;
  if (!fs::is_directory(status)) throw Error(folder.string(), "not a folder", "no such file, or another name");
  if (fs::is_regular_file(fs::symlink_status(folder / kList, failure))) {
    const List list = read(read_journal_lines(folder / kList), folder);
    // A kill may come before the first line.
    if (list.work || files_in(folder) == std::vector<std::string>{kList}) return list;
  } else if (files_in(folder).empty()) {
    return List{};
  } else if (is_finished_folder(folder)) {
    throw Error(folder.string(), "a finished folder of qreason where unfinished work would lie", "another name");
  } else if (has_manifest(folder)) {
    throw Error(folder.string(), "unfinished work of another version of qreason", "its removal, or another name");
  }
  throw Error(folder.string(), "it exists, and is no unfinished work of qreason", "no such folder, or another name");
}

std::set<std::string> Staging::own_files(const List& list) {
  std::set<std::string> own;
  for (const std::string& file : list.files) own.insert({file, file + kUnfinishedEnding});
  return own;
}

void Staging::require_own(const fs::path& folder, const List& list) {
  const std::set<std::string> own = own_files(list);
  for (const std::string& file : files_in(folder))
    if (file != kList && !own.contains(file))
      throw Error((folder / file).string(), "a file that qreason did not put there", "it elsewhere, or a new path");
}

// With the lock. A commit writes down the inode of what is made, exchanges it with the target, and removes what it got;
// where nothing can be exchanged, the target is renamed first. Each kill leaves one of these:
void Staging::settle(const fs::path& folder, const fs::path& target, const List& list) {
  const fs::path made = folder / kMade, replaced = folder / kReplaced, dropped = folder / kDropped;
  if (is_there(dropped)) remove_ours(dropped);
  if (is_there(replaced)) {
    if (!is_there(target)) {
      rename_to_new(replaced, target);
    } else if (!is_there(made)) {
      remove_ours(replaced);
    } else {
      throw Error(replaced.string(), fmt::format("what {} was until a killed run", target.string()),
                  "it elsewhere, or removed");
    }
  }
  const auto inode = inode_of(made);
  if (!list.commits || !inode || *inode == *list.commits) return;
  if (inode_of(target) != list.commits)
    throw Error(made.string(), fmt::format("what {} was, or was to be, when a run was killed", target.string()),
                "it elsewhere, or removed");
  remove_ours(made);
}

// With the lock, which the list is.
void Staging::remove_folder(const fs::path& folder, const List& list) {
  std::error_code failure;
  for (const char* other : {kMade, kReplaced, kDropped})
    if (is_there(folder / other)) return;
  remove_files(folder, own_files(list));
  fs::remove(folder / kList, failure);
  fs::remove(folder, failure);  // not where somebody put a file
}

void Staging::require_free(const fs::path& target, const StagedWork& work, IfExists if_exists) {
  const fs::path folder = folder_beside(target);
  auto list = look_at(folder);
  if (!list) return;
  const int descriptor = ::open((folder / kList).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) {  // nothing was begun, or all was ended but for the removal of the empty folder
    std::error_code failure;
    if (errno == ENOENT && is_there(target)) fs::remove(folder, failure);
    return;
  }
  {
    const Descriptor shared(descriptor);
    if (::flock(shared.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      throw Error(folder.string(), fmt::format("another process is writing there ({})", name_of(list->work)),
                  "its end, or another name");
  }
  const bool was_killed_late =
      list->commits || is_there(folder / kReplaced) || is_there(folder / kDropped) || !is_there(folder / kMade);
  if (was_killed_late) {
    Journal journal(folder / kList);
    if (!journal.is_in_place()) return;
    settle(folder, target, *list);
    if (is_there(target)) remove_folder(folder, *list);
  }
  list = look_at(folder);
  if (!list) return;
  require_own(folder, *list);
  refuse_other(folder, *list, work, if_exists);
}

void Staging::refuse_other(const fs::path& folder, const List& list, const StagedWork& work, IfExists if_exists) {
  if (if_exists == IfExists::kReplace || !is_other(folder, list, work)) return;
  const bool same_name = list.work->what == work.what;
  throw Error(folder.string(),
              fmt::format("unfinished work of {}{}", name_of(list.work), same_name ? ", with other settings" : ""),
              "the same command again, which goes on with it, or --force to begin anew");
}

bool Staging::is_other(const fs::path& folder, const List& list, const StagedWork& work) {
  return list.work && is_there(folder / kMade) && list.work->settings != sha256_hex(work.settings);
}

Staging::Staging(const fs::path& target, const StagedWork& work, IfExists if_exists)
    : target_(target), folder_(folder_beside(target)), made_(folder_ / kMade) {
  require_free(target, work, if_exists);
  lock();
  settle(folder_, target_, list_);
  require_own(folder_, list_);
  refuse_other(folder_, list_, work, if_exists);
  if (!list_.work || !is_there(made_) || is_other(folder_, list_, work)) {
    clear();
    list_.work = {work.what, sha256_hex(work.settings)};
    journal_->append(in_line({{"made_by", "qreason"}, {"work", work.what}, {"settings", list_.work->settings}}));
  }
  std::error_code failure;
  fs::create_directory(made_, failure);
  if (failure) throw Error(made_.string(), fmt::format("creating failed: {}", failure.message()));
  listening_.emplace(folder_, [this](const std::string& name) {
    if (list_.files.insert(name).second) journal_->append(in_line({{"file", name}}));
  });
}

// The list may be one that another process removes at this moment, with all that it had made.
void Staging::lock() {
  for (;;) {
    std::error_code failure;
    fs::create_directories(folder_, failure);
    if (failure) throw Error(folder_.string(), fmt::format("creating failed: {}", failure.message()));
    look_at(folder_);
    try {
      journal_.emplace(folder_ / kList);
    } catch (const Error&) {
      if (is_there(folder_)) throw;
      continue;
    }
    if (!journal_->is_in_place()) continue;
    list_ = look_at(folder_).value();
    return;
  }
}

Staging::~Staging() {
  listening_.reset();
  if (!journal_) return;
  try {
    std::error_code failure;
    if (files_in(folder_) != std::vector<std::string>{kList}) return;
    fs::remove(made_, failure);
    remove_folder(folder_, list_);
  } catch (const std::exception&) {
    // What is left is unfinished work, in which the next run goes on.
  }
}

void Staging::clear() {
  require_own(folder_, list_);
  remove_files(folder_, own_files(list_));
  std::error_code failure;
  fs::create_directory(made_, failure);
}

void Staging::keep_only(const std::set<std::string>& names) {
  const std::set<std::string> own = own_files(list_);
  std::error_code failure;
  for (const std::string& file : files_in(made_))
    if (!names.contains(file) && own.contains(in_made(file))) fs::remove(made_ / file, failure);
}

std::vector<std::string> Staging::files() {
  std::set<std::string> listed;
  for (const std::string& file : files_in(made_))
    if (list_.files.contains(in_made(file))) listed.insert(file);
  keep_only(listed);  // not what a kill left under temporary names
  listed.erase(kFolderManifest);
  return {listed.begin(), listed.end()};
}

void Staging::publish() {
  listening_.reset();
  if (is_there(target_)) {
    replace();
  } else {
    rename_to_new(made_, target_);
    sync_quietly(target_.parent_path());
  }
  remove_folder(folder_, list_);
  journal_.reset();
}

// What is replaced may have got a file since it was looked at last: it is put back then.
void Staging::replace() {
  require_ours(target_);
  const auto inode = inode_of(made_);
  journal_->append(in_line({{"commits", inode.value_or(0)}}));
  const fs::path replaced = folder_ / kReplaced;
  const bool exchanged = exchange_names(made_, target_);
  if (!exchanged) rename_to_new(target_, replaced);
  const fs::path& old = exchanged ? made_ : replaced;
  try {
    require_ours(old);
    if (!exchanged) rename_to_new(made_, target_);
  } catch (const Error&) {
    exchanged ? static_cast<void>(exchange_names(made_, target_)) : rename_to_new(replaced, target_);
    require_ours(target_);
    throw;
  }
  sync_quietly(target_.parent_path());  // before the old one goes
  try {
    remove_ours(old);
  } catch (const Error&) {
    // The new folder is in its place; the next run of this target says what is left.
  }
}

void Staging::drop_target() {
  const fs::path dropped = folder_ / kDropped;
  rename_to_new(target_, dropped);
  try {
    require_ours(dropped);
  } catch (const Error&) {
    rename_to_new(dropped, target_);
    throw;
  }
  remove_ours(dropped);
}

}  // namespace qreason
