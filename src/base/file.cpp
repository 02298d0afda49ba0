#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/output_path.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// Opening a FIFO, which is not what we read anyway, must fail at once instead of waiting for a writer.
constexpr int kReadOnly = O_RDONLY | O_NONBLOCK;

Error system_error(const fs::path& path, const char* action) {
  return Error(path.string(), fmt::format("{} failed: {}", action, std::strerror(errno)));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags, int mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) throw system_error(path, flags & O_CREAT ? "creating" : "opening");
  }
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  int get() const { return fd_; }

 private:
  int fd_;
};

std::uint64_t regular_file_size(const Descriptor& descriptor, const fs::path& path) {
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) throw system_error(path, "reading the size");
  if (!S_ISREG(status.st_mode)) throw Error(path.string(), "not a regular file", "a file");
  return static_cast<std::uint64_t>(status.st_size);
}

std::uint64_t page_bytes() {
  static const auto kBytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return kBytes;
}

void require_inside(const OpenedFile& file, std::uint64_t offset, std::uint64_t length, std::string_view what) {
  if (offset <= file.size() && length <= file.size() - offset) return;
  throw Error(file.path().string(), fmt::format("{} needs bytes {} to {}+{}", what, offset, offset, length),
              fmt::format("a file that long (it has {} bytes)", file.size()));
}

void write_all(const Descriptor& descriptor, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error(path, "writing");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

using Parts = std::span<const std::span<const std::byte>>;

void write_parts(const Descriptor& descriptor, Parts parts, const fs::path& path) {
  for (const auto& part : parts) write_all(descriptor, {reinterpret_cast<const char*>(part.data()), part.size()}, path);
}

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

void write_through(const OutputPlace& place, Parts parts) {
  write_parts(open_stream(place), parts, place.path);
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

std::string digest_hex(EVP_MD_CTX* context) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(context, digest, &length);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace

struct OpenedFile::State {
  Descriptor descriptor;
  fs::path path;
  std::uint64_t size;
};

OpenedFile::OpenedFile(const fs::path& path) {
  Descriptor descriptor(path, kReadOnly);
  const std::uint64_t size = regular_file_size(descriptor, path);
  state_ = std::make_shared<const State>(State{std::move(descriptor), path, size});
}

const fs::path& OpenedFile::path() const {
  return state_->path;
}

std::uint64_t OpenedFile::size() const {
  return state_->size;
}

MappedBytes OpenedFile::map(std::uint64_t offset, std::uint64_t length, std::string_view what) const {
  require_inside(*this, offset, length, what);
  MappedBytes part;
  if (length == 0) return part;
  const std::uint64_t inside = offset % page_bytes();
  const auto mapped = static_cast<std::size_t>(inside + length);
  void* address =
      ::mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE, state_->descriptor.get(), static_cast<off_t>(offset - inside));
  if (address == MAP_FAILED) throw system_error(path(), "mapping");
  part.map_ =
      std::shared_ptr<const void>(address, [mapped](const void* begin) { ::munmap(const_cast<void*>(begin), mapped); });
  part.bytes_ = {static_cast<const std::byte*>(address) + inside, static_cast<std::size_t>(length)};
  return part;
}

MappedFile::MappedFile(const fs::path& path) : file_(path), map_(file_.map(0, file_.size(), "the file")) {}

std::span<const std::byte> MappedFile::view(std::uint64_t offset, std::uint64_t length, std::string_view what) const {
  require_inside(file_, offset, length, what);
  return bytes().subspan(offset, length);
}

void MappedFile::release(std::span<const std::byte> view) const {
  const auto page = static_cast<std::size_t>(page_bytes());
  const auto begin = (static_cast<std::size_t>(view.data() - bytes().data()) + page - 1) / page * page;
  const auto end = static_cast<std::size_t>(view.data() - bytes().data() + view.size()) / page * page;
  if (begin < end) ::madvise(const_cast<std::byte*>(bytes().data()) + begin, end - begin, MADV_DONTNEED);
}

std::string read_text_file(const fs::path& path, std::uint64_t limit) {
  const Descriptor descriptor(path, kReadOnly);
  const std::uint64_t size = regular_file_size(descriptor, path);
  if (size > limit) throw Error(path.string(), fmt::format("{} bytes", size), fmt::format("at most {}", limit));
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t got = ::read(descriptor.get(), text.data() + done, text.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error(path, "reading");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  const std::span<const std::byte> part = std::as_bytes(std::span(content.data(), content.size()));
  write_parts_atomic(path, {&part, 1});
}

void write_parts_atomic(const fs::path& path, Parts parts) {
  const OutputPlace place = output_place(path);
  if (place.kind == OutputPlace::Kind::kStream) return write_through(place, parts);
  const fs::path temporary = place.path.string() + ".qreason-tmp";
  const Descriptor descriptor = open_temporary(temporary);
  try {
    write_parts(descriptor, parts, temporary);
    if (::fsync(descriptor.get()) != 0) throw system_error(temporary, "syncing");
    if (::rename(temporary.c_str(), place.path.c_str()) != 0) throw system_error(path, "renaming onto");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_directory(place.path.parent_path());
}

void sync_directory(const fs::path& directory) {
  const Descriptor descriptor(directory.empty() ? fs::path(".") : directory, O_RDONLY | O_DIRECTORY);
  // Some file systems have no such thing for folders.
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL && errno != ENOTSUP) throw system_error(directory, "syncing");
}

Sha256::Sha256()
    : context_(EVP_MD_CTX_new(), [](void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); }) {
  EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_.get()), EVP_sha256(), nullptr);
}

void Sha256::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_.get()), bytes.data(), bytes.size());
}

void Sha256::update(std::string_view text) {
  update(std::as_bytes(std::span(text.data(), text.size())));
}

std::string Sha256::finish_hex() {
  return digest_hex(static_cast<EVP_MD_CTX*>(context_.get()));
}

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish_hex();
}

std::string sha256_hex(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size())));
}

std::string sha256_file(const fs::path& path) {
  return sha256_hex(MappedFile(path).bytes());
}

std::string git_blob_hash(const fs::path& path) {
  const MappedFile file(path);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const std::string head = fmt::format("blob {}", file.size());
  EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr);
  EVP_DigestUpdate(context.get(), head.c_str(), head.size() + 1);
  EVP_DigestUpdate(context.get(), file.bytes().data(), file.bytes().size());
  return digest_hex(context.get());
}

}  // namespace qreason
