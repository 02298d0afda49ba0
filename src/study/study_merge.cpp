#include "study/study_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/staged_directory.h"
#include "base/written_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// A link where the file system has them, else a copy; of what a symbolic link means, which may be gone tomorrow.
void link_or_copy(const fs::path& from, const fs::path& to) {
  const fs::path file = fs::canonical(from);
  std::error_code failure;
  fs::create_hard_link(file, to, failure);
  if (failure) fs::copy_file(file, to);
}

bool same_bytes(const fs::path& a, const fs::path& b) {
  if (fs::equivalent(a, b)) return true;
  if (fs::file_size(a) != fs::file_size(b)) return false;
  std::ifstream first(a, std::ios::binary), second(b, std::ios::binary);
  std::vector<char> left(1 << 16), right(1 << 16);
  while (first && second) {
    first.read(left.data(), static_cast<std::streamsize>(left.size()));
    second.read(right.data(), static_cast<std::streamsize>(right.size()));
    if (first.gcount() != second.gcount() || !std::equal(left.begin(), left.begin() + first.gcount(), right.begin()))
      return false;
  }
  return true;
}

std::size_t first_other_line(const fs::path& a, const fs::path& b) {
  std::ifstream first(a, std::ios::binary), second(b, std::ios::binary);
  std::size_t line = 1;
  for (std::string left, right; std::getline(first, left) && std::getline(second, right) && left == right;) ++line;
  return line;
}

void bring_file(const fs::path& from, const fs::path& to, IfExists if_different) {
  if (fs::exists(to)) {
    if (same_bytes(from, to)) return;
    if (if_different != IfExists::kReplace)
      throw Error(from.string(),
                  fmt::format("other bytes than {}, from line {} on", to.string(), first_other_line(from, to)),
                  "the same, folders of different shards, or --force");
  }
  fs::create_directories(to.parent_path());
  // Complete or absent: a link or a copy has its name when it is whole.
  const fs::path staged = to.string() + ".merged";
  fs::remove(staged);
  link_or_copy(from, staged);
  fs::rename(staged, to);
  fs::remove(staged);  // renaming a link to a file over another link to it does nothing
}

void bring_folder(const fs::path& from, const fs::path& to) {
  if (fs::exists(to)) return;
  fs::create_directories(to.parent_path());
  const std::string work = "qreason study merge";
  StagedDirectory staged(to, {.inputs = {from}, .work = {.what = work, .settings = work}});
  staged.clear();
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    const fs::path inside = entry.path().lexically_relative(from);
    if (entry.is_directory()) {
      fs::create_directories(staged.path() / inside);
    } else if (entry.is_regular_file() && inside != fs::path(kFolderManifest)) {  // commit() writes one
      fs::create_directories((staged.path() / inside).parent_path());
      tell_written(staged.path() / inside);
      link_or_copy(entry.path(), staged.path() / inside);
    }
  }
  staged.commit();
}

}  // namespace

void bring_pieces(const fs::path& from, const fs::path& to, const StudyPieces& pieces, IfExists if_different) {
  for (const fs::path& file : pieces.files)
    if (fs::is_regular_file(from / file)) bring_file(from / file, to / file, if_different);
  for (const fs::path& folder : pieces.folders)
    if (fs::is_directory(from / folder)) bring_folder(from / folder, to / folder);
}

}  // namespace qreason
