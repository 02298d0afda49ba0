// Where a file that the user names is written, so that nothing is lost that was there: files and folders need --force,
// links are followed and stay, devices and pipes are written through, everything else is refused.
#pragma once

#include <filesystem>
#include <optional>

namespace qreason {

enum class IfExists { kError, kReplace };  // kReplace: --force

struct OutputPlace {
  enum class Kind {
    kNothing,  // a new file
    kFile,     // an existing one
    kStream    // a device or a pipe, or /dev/stdout and the like
  };
  Kind kind = Kind::kNothing;
  std::filesystem::path path;     // where the links of the given path lead
  std::optional<int> descriptor;  // of this process, that the path names (/dev/stdout, /dev/fd/3)
};

// Errors: "-" (standard input where something is read), a folder, a socket, a block device, links in a circle, a folder
// of the path that is not there.
OutputPlace output_place(const std::filesystem::path& path);

// The same before long work; also an Error: an existing file with kError.
OutputPlace require_output_file(const std::filesystem::path& path, IfExists if_exists);

// An Error where the place is an input, or a file directly in a folder that is one, by whatever links: --force replaces
// results, never what is read.
void refuse_input(const OutputPlace& place, const std::filesystem::path& input, const char* what);

// `path` with the links that it names itself followed, whether their target exists or not.
std::filesystem::path follow_links(const std::filesystem::path& path);

}  // namespace qreason
