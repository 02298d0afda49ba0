#include "base/output_path.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLinks = 40;  // as the kernel's

// The descriptor of this process that `path` names: a link whose text need not be a path ("pipe:[4711]"), and whose
// position in a file is shared with what else the process writes there.
std::optional<int> named_descriptor(const fs::path& path) {
  const std::string text = path.lexically_normal().string();
  if (text == "/dev/stdout") return STDOUT_FILENO;
  if (text == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!text.starts_with(folder)) continue;
    int number = 0;
    const auto [end, failure] = std::from_chars(text.data() + folder.size(), text.data() + text.size(), number);
    if (failure == std::errc{} && end == text.data() + text.size()) return number;
  }
  return std::nullopt;
}

}  // namespace

fs::path follow_links(const fs::path& path) {
  fs::path at = path;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code failure;
    if (named_descriptor(at) || !fs::is_symlink(fs::symlink_status(at, failure))) return at;
    const fs::path target = fs::read_symlink(at, failure);
    if (failure) throw Error(at.string(), fmt::format("reading the link failed: {}", failure.message()));
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
  throw Error(path.string(), "links in a circle", "a file");
}

OutputPlace output_place(const fs::path& path) {
  if (path.empty()) throw Error("output", "an empty path", "a file");
  // What reads takes it for standard input; a file of this name is hard to be rid of.
  if (path == "-") throw Error("-", "no file's name", "a path (/dev/stdout for standard output)");
  OutputPlace place{.kind = OutputPlace::Kind::kNothing, .path = follow_links(path), .descriptor = {}};
  place.descriptor = named_descriptor(place.path);
  struct stat status {};
  if (::stat(place.path.c_str(), &status) != 0) {
    if (errno != ENOENT) throw Error(path.string(), std::strerror(errno), "a path that can be written");
    const fs::path folder = place.path.parent_path();
    std::error_code failure;
    if (!folder.empty() && !fs::is_directory(folder, failure))
      throw Error(path.string(), fmt::format("no folder {}", folder.string()), "one that is there");
    return place;
  }
  if (S_ISDIR(status.st_mode)) throw Error(path.string(), "a folder", "a file to write");
  if (S_ISSOCK(status.st_mode)) throw Error(path.string(), "a socket", "a file, a pipe or a device");
  if (S_ISBLK(status.st_mode)) throw Error(path.string(), "a block device", "a file, a pipe or a character device");
  const bool regular = S_ISREG(status.st_mode) && !place.descriptor;
  place.kind = regular ? OutputPlace::Kind::kFile : OutputPlace::Kind::kStream;
  return place;
}

OutputPlace require_output_file(const fs::path& path, IfExists if_exists) {
  OutputPlace place = output_place(path);
  if (if_exists == IfExists::kError && place.kind == OutputPlace::Kind::kFile)
    throw Error(path.string(), "it exists already", "a new path, or --force");
  return place;
}

void refuse_input(const OutputPlace& place, const fs::path& input, const char* what) {
  std::error_code failure;
  bool same = fs::equivalent(place.path, input, failure);
  if (fs::is_directory(input, failure))
    for (fs::directory_iterator entry(input, failure), end; entry != end && !same; entry.increment(failure)) {
      std::error_code gone;
      same = fs::equivalent(place.path, entry->path(), gone);
    }
  if (same) throw Error(place.path.string(), what, "another file");
}

}  // namespace qreason
