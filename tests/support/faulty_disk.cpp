// A disk with faults, for programs that are started with LD_PRELOAD of this library: calls that change what is below
// FAULTY_DISK_FOLDER are counted, and fail from the FAULTY_DISK_AT-th on (FAULTY_DISK=full: ENOSPC, after half of the
// bytes of the first), or only that one (FAULTY_DISK=broken: EIO), or the process is killed before it
// (FAULTY_DISK=killed: removals count, too). FAULTY_DISK_LOG gets a line for each of them. FAULTY_DISK_EXCHANGE=none:
// no two folders can be exchanged.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

using Open = int (*)(const char*, int, ...);
using Write = ssize_t (*)(int, const void*, size_t);

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_below(const std::string& path) {
  static const std::string folder = setting("FAULTY_DISK_FOLDER");
  return !folder.empty() && path.compare(0, folder.size(), folder) == 0;
}

std::string path_of(int descriptor) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = ::readlink(link, path, sizeof path);
  return std::string(path, length < 0 ? 0 : static_cast<std::size_t>(length));
}

enum class Fault { kNone, kFirst, kLater };

// Counts the call, and says whether it is to fail; errno is set then.
Fault fault(const char* operation, const std::string& path) {
  if (!is_below(path)) return Fault::kNone;
  static std::atomic<long> calls{0};
  static const long at = std::atol(setting("FAULTY_DISK_AT"));
  static const bool full = std::strcmp(setting("FAULTY_DISK"), "full") == 0;
  static const int log =
      next<Open>("open")(setting("FAULTY_DISK_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  const long call = ++calls;
  const std::string line = std::string(operation) + " " + path + "\n";
  if (log >= 0) next<Write>("write")(log, line.data(), line.size());
  static const bool killed = std::strcmp(setting("FAULTY_DISK"), "killed") == 0;
  if (killed && call == at) ::raise(SIGKILL);
  if (at == 0 || killed || call < at || (!full && call > at)) return Fault::kNone;
  errno = full ? ENOSPC : EIO;
  return call == at ? Fault::kFirst : Fault::kLater;
}

bool fails(const char* operation, const std::string& path) {
  return fault(operation, path) != Fault::kNone;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto real = next<Write>("write");
  const Fault here = fault("write", path_of(descriptor));
  if (here == Fault::kNone) return real(descriptor, bytes, size);
  if (here == Fault::kFirst && errno == ENOSPC && size > 1) return real(descriptor, bytes, size / 2);
  return -1;
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return fails("pwrite", path_of(descriptor)) ? -1 : real(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
  static const auto real = next<int (*)(int)>("fsync");
  return fails("fsync", path_of(descriptor)) ? -1 : real(descriptor);
}

int fdatasync(int descriptor) {
  static const auto real = next<int (*)(int)>("fdatasync");
  return fails("fdatasync", path_of(descriptor)) ? -1 : real(descriptor);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return fails("rename", to) ? -1 : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  static const auto real = next<int (*)(int, const char*, int, const char*, unsigned)>("renameat2");
  if (std::strcmp(setting("FAULTY_DISK_EXCHANGE"), "none") == 0) {
    errno = EINVAL;
    return -1;
  }
  return fails("renameat2", to) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int remove(const char* path) {
  static const auto real = next<int (*)(const char*)>("remove");
  static const bool counted = std::strcmp(setting("FAULTY_DISK"), "killed") == 0;
  return counted && fails("remove", path) ? -1 : real(path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
  return fails("mkdir", path) ? -1 : real(path, mode);
}

int open(const char* path, int flags, ...) {
  static const auto real = next<Open>("open");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return (flags & O_CREAT) != 0 && fails("open", path) ? -1 : real(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static const auto real = next<Open>("open64");
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return (flags & O_CREAT) != 0 && fails("open", path) ? -1 : real(path, flags, mode);
}

}  // extern "C"
