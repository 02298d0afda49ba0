#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

// Opening a FIFO, which is not what we read anyway, must fail at once instead of waiting for a writer.
constexpr int kReadOnly = O_RDONLY | O_NONBLOCK;

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
