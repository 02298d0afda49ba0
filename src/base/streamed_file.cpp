#include "base/streamed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/output_path.h"
#include "base/renaming.h"
#include "base/written_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// A pipe without a reader is waited for, and Ctrl-C ends the waiting.
Descriptor open_stream(const OutputPlace& place) {
  constexpr auto kPause = std::chrono::milliseconds(50);
  if (place.descriptor) {
    const int fd = ::fcntl(*place.descriptor, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) throw system_error(place.path, "opening");
    return Descriptor(fd);
  }
  for (;;) {
    const int fd = ::open(place.path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
      Descriptor descriptor(fd);
      ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
      return descriptor;
    }
    if (errno != ENXIO) throw system_error(place.path, "opening");
    check_interrupt();
    std::this_thread::sleep_for(kPause);
  }
}

// One name per target, so that what a killed writer left is used by the next one instead of staying for ever. Its lock
// keeps two writers apart; the one that waited may hold what has become the target, and opens anew. A file system
// without locks leaves two writers of one file to themselves.
Descriptor open_temporary(const fs::path& temporary) {
  for (;;) {
    Descriptor descriptor(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
    while (::flock(descriptor.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    struct stat opened {};
    struct stat named {};
    if (::fstat(descriptor.get(), &opened) != 0) throw system_error(temporary, "reading the size");
    if (::lstat(temporary.c_str(), &named) != 0 || named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
      continue;
    if (::ftruncate(descriptor.get(), 0) != 0) throw system_error(temporary, "emptying");
    return descriptor;
  }
}

}  // namespace

struct StreamedFile::State {
  fs::path target, path;  // `path` is what is written to
  IfExists if_exists;
  bool stream;
  Descriptor descriptor;
  std::uint64_t position = 0, end = 0;  // of the descriptor; behind what was written furthest
  bool finished = false;

  State(const OutputPlace& place, IfExists if_there)
      : target(place.kind == OutputPlace::Kind::kStream ? place.path : told(place.path)),
        path(place.kind == OutputPlace::Kind::kStream ? place.path : fs::path(place.path.string() + kUnfinishedEnding)),
        if_exists(if_there),
        stream(place.kind == OutputPlace::Kind::kStream),
        descriptor(stream ? open_stream(place) : open_temporary(path)) {}

  static fs::path told(const fs::path& file) {
    tell_written(file);
    return file;
  }

  ~State() {
    if (!finished && !stream) ::unlink(path.c_str());
  }

  void go_to(std::uint64_t offset) {
    if (offset == position) return;
    if (stream) throw Error(path.string(), "a device or a pipe", "a file, which can be written in any order");
    if (::lseek(descriptor.get(), static_cast<off_t>(offset), SEEK_SET) < 0) throw system_error(path, "writing");
    position = offset;
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw system_error(path, "writing");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
      position += static_cast<std::uint64_t>(written);
    }
    end = std::max(end, position);
  }
};

StreamedFile::StreamedFile(const fs::path& path, IfExists if_exists)
    : state_(std::make_unique<State>(output_place(path), if_exists)) {
  // Another writer may have been waited for.
  if (!state_->stream) require_output_file(state_->target, if_exists);
}
StreamedFile::~StreamedFile() = default;
StreamedFile::StreamedFile(StreamedFile&&) noexcept = default;

void StreamedFile::append(std::span<const std::byte> bytes) {
  write_at(state_->end, bytes);
}

void StreamedFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  state_->go_to(offset);
  state_->write(bytes);
}

std::uint64_t StreamedFile::size() const {
  return state_->end;
}

void StreamedFile::commit() {
  State& state = *state_;
  if (state.stream) return;
  if (::fsync(state.descriptor.get()) != 0) throw system_error(state.path, "syncing");
  if (state.if_exists == IfExists::kError) {
    rename_to_new(state.path, state.target);
  } else if (::rename(state.path.c_str(), state.target.c_str()) != 0) {
    throw system_error(state.target, "renaming onto");
  }
  state.finished = true;
  sync_directory(state.target.parent_path());
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  const std::span<const std::byte> part = std::as_bytes(std::span(content.data(), content.size()));
  write_parts_atomic(path, {&part, 1});
}

void write_parts_atomic(const fs::path& path, std::span<const std::span<const std::byte>> parts) {
  StreamedFile file(path);
  for (const auto& part : parts) file.append(part);
  file.commit();
}

}  // namespace qreason
