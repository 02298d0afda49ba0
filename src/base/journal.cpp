#include "base/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/written_files.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxJournalBytes = std::uint64_t{1} << 36;

struct Content {
  std::vector<std::string> lines;
  std::uint64_t whole_bytes = 0;  // bytes of the whole lines, newlines included
};

bool is_json(std::string_view line) {
  // The parser would take a zero byte for the end of the line.
  return line.find('\0') == std::string_view::npos && Json::accept(line.begin(), line.end());
}

// A kill can leave a last line without its newline, or (after a power cut) blocks of zero bytes; anything wrong earlier
// was not done by us.
Content split_lines(std::string_view text, const fs::path& path, std::string_view beginning) {
  Content content;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) break;
    const std::string_view line = text.substr(start, end - start);
    if (line.find('\0') != std::string_view::npos) break;
    if (!is_json(line)) {
      if (text.find('\n', end + 1) == std::string_view::npos && end + 1 == text.size()) break;
      throw Error(fmt::format("{}, line {}", path.string(), content.lines.size() + 1), "not valid JSON",
                  "one JSON value a line");
    }
    content.lines.emplace_back(line);
    start = end + 1;
    content.whole_bytes = start;
  }
  // Up to where both go, and to the zero bytes of a power cut.
  const std::string_view first = text.substr(0, std::min({text.size(), beginning.size(), text.find('\0')}));
  if (content.lines.empty() && !beginning.starts_with(first))
    throw Error(path.string(), "no line of a run's", "a file of this run, or none");
  return content;
}

// A link here would have its target written: a file that nobody named.
void refuse_other_kinds(const fs::path& path) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(path, failure);
  if (!fs::exists(status) || fs::is_regular_file(status)) return;
  throw Error(path.string(), fs::is_symlink(status) ? "a link" : "no regular file", "a file of this run, or none");
}

Error system_error(const fs::path& path, const char* action) {
  return Error(path.string(), fmt::format("{} failed: {}", action, std::strerror(errno)));
}

}  // namespace

struct Journal::State {
  fs::path path;
  int descriptor = -1;
  Sync sync = Sync::kEveryLine;
  std::chrono::steady_clock::time_point synced = std::chrono::steady_clock::now();
  std::vector<std::string> lines;

  ~State() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

Journal::Journal(const fs::path& path, Sync sync, std::string_view beginning) : state_(std::make_unique<State>()) {
  state_->sync = sync;
  state_->path = path;
  refuse_other_kinds(path);
  tell_written(path);
  state_->descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (state_->descriptor < 0) throw system_error(path, "opening");
  if (::flock(state_->descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw system_error(path, "locking");
    throw Error(path.string(), "another process is writing it", "one run at a time");
  }
  const std::string text = read_text_file(path, kMaxJournalBytes);
  Content content = split_lines(text, path, beginning);
  if (content.whole_bytes < text.size()) {
    if (::ftruncate(state_->descriptor, static_cast<off_t>(content.whole_bytes)) != 0 ||
        ::fsync(state_->descriptor) != 0) {
      throw system_error(path, "cutting off a torn line");
    }
  }
  state_->lines = std::move(content.lines);
}

Journal::~Journal() = default;
Journal::Journal(Journal&&) noexcept = default;

bool Journal::is_in_place() const {
  struct stat opened {};
  struct stat named {};
  return ::fstat(state_->descriptor, &opened) == 0 && ::lstat(state_->path.c_str(), &named) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

const std::vector<std::string>& Journal::lines() const {
  return state_->lines;
}

void Journal::append(std::string_view line) {
  const fs::path& path = state_->path;
  if (line.find('\n') != std::string_view::npos || !is_json(line)) {
    throw Error(path.string(), "a line to append that is not one line of JSON", "one JSON value without a newline");
  }
  const std::string record = std::string(line) + '\n';
  std::string_view rest = record;
  while (!rest.empty()) {
    const ssize_t written = ::write(state_->descriptor, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const Error failure = system_error(path, "appending");
      // A disk that filled up must not leave half a line in front of the next one.
      const off_t end = ::lseek(state_->descriptor, 0, SEEK_END);
      if (::ftruncate(state_->descriptor, end - static_cast<off_t>(record.size() - rest.size())) != 0) throw failure;
      throw failure;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  const auto now = std::chrono::steady_clock::now();
  if (state_->sync == Sync::kEverySecond && now - state_->synced < std::chrono::seconds(1)) return;
  if (::fdatasync(state_->descriptor) != 0) throw system_error(path, "syncing");
  state_->synced = now;
}

std::vector<std::string> read_journal_lines(const fs::path& path, std::string_view beginning) {
  return split_lines(read_text_file(path, kMaxJournalBytes), path, beginning).lines;
}

}  // namespace qreason
