#include "net/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/written_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr int kMostRestarts = 3;  // after wrong bytes

// The bytes that are there so far, in a file of which this process is the only writer.
class PartialFile {
 public:
  explicit PartialFile(const fs::path& path)
      : path_(path),
        descriptor_(::open(told(path).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644)) {
    if (descriptor_ < 0) throw failed("creating");
    struct stat status {};
    try {
      if (::fstat(descriptor_, &status) != 0) throw failed("reading the size");
      if (!S_ISREG(status.st_mode))
        throw Error(path.string(), "not a regular file", "a file of an earlier run, or none");
      if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        throw Error(path.string(), "another process writes it", "one download at a time");
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~PartialFile() { ::close(descriptor_); }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size() const { return size_; }

  void empty() {
    if (::ftruncate(descriptor_, 0) != 0) throw failed("emptying");
    size_ = 0;
  }

  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw failed("writing");
      size_ += static_cast<std::uint64_t>(written);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void rename_to(const fs::path& target) {
    tell_written(target);
    if (::fsync(descriptor_) != 0) throw failed("syncing");
    if (::rename(path_.c_str(), target.c_str()) != 0) throw failed("renaming");
    sync_directory(target.parent_path());
  }

 private:
  static const fs::path& told(const fs::path& path) {
    tell_written(path);
    return path;
  }

  Error failed(const char* action) const {
    return Error(path_.string(), fmt::format("{} failed: {}", action, std::strerror(errno)));
  }

  fs::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

Sha256 hashed_so_far(const fs::path& path, std::uint64_t size) {
  constexpr std::uint64_t kStep = 16 << 20;
  Sha256 hash;
  const OpenedFile file(path);
  for (std::uint64_t begin = 0; begin < size; begin += kStep) {
    check_interrupt();
    hash.update(file.map(begin, std::min(kStep, size - begin), "the part that is there").bytes());
  }
  return hash;
}

class Downloading {
 public:
  Downloading(HttpClient& client, const Download& download, const Retries::Options& retries)
      : client_(client),
        download_(download),
        retries_(retries),
        part_path_(partial_file(download.target)),
        part_(part_path_) {
    if (part_.size() > download_.size) part_.empty();
    tell(static_cast<std::int64_t>(part_.size()));
    rehash();
    furthest_ = part_.size();
    one_stream_ = part_.size() == 0;
  }

  void run() {
    for (int restarts = 0;; ++restarts) {
      fetch_rest();
      if (is_right()) break;
      // What came in one stream is what the hub has; parts may be of two files, or of a hub that answers a range
      // wrongly.
      const bool final = one_stream_ || restarts == kMostRestarts;
      const std::string times = one_stream_ ? "" : fmt::format(", {} times from the beginning", restarts + 1);
      start_over();
      if (!final) continue;
      std::error_code ignored;
      fs::remove(part_path_, ignored);
      throw Error(download_.name, "other bytes than the hub promised" + times,
                  fmt::format("the hash {}", download_.hash.hex));
    }
    part_.rename_to(download_.target);
  }

 private:
  void tell(std::int64_t bytes) const {
    if (download_.moved && bytes != 0) download_.moved(bytes);
  }

  bool is_sha256() const { return download_.hash.kind == ContentHash::Kind::kSha256; }

  void rehash() {
    if (is_sha256()) hash_ = hashed_so_far(part_path_, part_.size());
  }

  void start_over() {
    tell(-static_cast<std::int64_t>(part_.size()));
    part_.empty();
    hash_ = Sha256();
    one_stream_ = true;
  }

  bool is_right() { return (is_sha256() ? hash_.finish_hex() : git_blob_hash(part_path_)) == download_.hash.hex; }

  void fetch_rest() {
    Retries retries(retries_);
    while (part_.size() < download_.size) {
      try {
        ask();
      } catch (const HttpError& error) {
        if (part_.size() > furthest_) retries.advanced();
        furthest_ = std::max(furthest_, part_.size());
        retries.after(error);
      }
    }
  }

  void ask() {
    HttpRequest request = download_.request;
    request.offset = part_.size();
    request.limits.body_bytes = download_.size;
    if (request.offset > 0) one_stream_ = false;
    bool begun = false;
    const std::uint64_t before = part_.size();
    const HttpResponse answer = client_.stream(request, [&](const HttpResponse& head, std::string_view chunk) {
      // A server without ranges sends everything again.
      if (!begun && head.offset != part_.size()) start_over();
      begun = true;
      if (chunk.size() > download_.size - part_.size())
        throw Error(download_.name, fmt::format("more than {} bytes", download_.size), "as many as the hub promised");
      part_.append(chunk);
      if (is_sha256()) hash_.update(chunk);
      tell(static_cast<std::int64_t>(chunk.size()));
      return HttpClient::Flow::kGoOn;
    });
    if (part_.size() == download_.size || (answer.status == 206 && part_.size() > before)) return;
    // Without a length the end of an answer may be that of its connection.
    const bool may_be_cut = !answer.headers.find("Content-Length") && !answer.headers.find("Transfer-Encoding");
    const std::string got = fmt::format("{} bytes", part_.size());
    const std::string expected = fmt::format("{}, as the hub promised", download_.size);
    if (may_be_cut) throw HttpError(HttpFailure::kCut, request.url, got, expected);
    throw Error(download_.name, got, expected);
  }

  HttpClient& client_;
  const Download& download_;
  const Retries::Options& retries_;
  fs::path part_path_;
  PartialFile part_;
  Sha256 hash_;
  std::uint64_t furthest_ = 0;
  bool one_stream_ = true;  // what is there came in one piece, from the beginning
};

}  // namespace

fs::path partial_file(const fs::path& target) {
  return target.string() + ".part";
}

void download_file(HttpClient& client, const Download& download, const Retries::Options& retries) {
  Downloading(client, download, retries).run();
}

bool has_content(const fs::path& path, std::uint64_t size, const ContentHash& hash) {
  std::error_code failure;
  if (!fs::is_regular_file(fs::symlink_status(path, failure)) || fs::file_size(path, failure) != size) return false;
  return (hash.kind == ContentHash::Kind::kSha256 ? sha256_file(path) : git_blob_hash(path)) == hash.hex;
}

}  // namespace qreason
