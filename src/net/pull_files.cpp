#include "net/pull_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kConnections = 4;
constexpr std::int64_t kMegabyte = 1000000;

// Ends the other connections when one has failed; never leaves this file.
struct OthersFailed {};

// The bytes of all connections on one line.
class Meter {
 public:
  Meter(ProgressListener& listener, const HubReference& reference, const std::vector<PulledFile>& files)
      : listener_(listener) {
    std::uint64_t total = 0;
    for (const PulledFile& pulled : files) total += *pulled.file.size;
    there_ = static_cast<std::int64_t>(total - missing_bytes(files));
    progress_ = listener.begin(
        {.what = "pull " + reference.id,
         .unit = "MB",
         .total = std::max<std::int64_t>(1, (static_cast<std::int64_t>(total) + kMegabyte - 1) / kMegabyte)});
    progress_->resume_at(there_ / kMegabyte);
    there_ = 0;
  }

  void move(std::int64_t bytes) {
    const std::lock_guard lock(mutex_);
    const std::int64_t before = there_ / kMegabyte;
    there_ += bytes;
    if (there_ / kMegabyte != before) progress_->update({.done = there_ / kMegabyte});
  }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    listener_.note(text);
  }
  void finish() {
    progress_->update({.done = (there_ + kMegabyte - 1) / kMegabyte});
    progress_->finish();
  }

 private:
  ProgressListener& listener_;
  std::mutex mutex_;
  std::int64_t there_ = 0;
  std::unique_ptr<Progress> progress_;
};

class Pull {
 public:
  Pull(const Hub& hub, const HubReference& reference, const std::string& commit, std::vector<PulledFile> files,
       const RetryPolicy& policy, ProgressListener& progress)
      : hub_(hub),
        reference_(reference),
        commit_(commit),
        files_(std::move(files)),
        policy_(policy),
        meter_(progress, reference, files_) {
    std::stable_sort(files_.begin(), files_.end(),
                     [](const PulledFile& a, const PulledFile& b) { return *a.file.size < *b.file.size; });
  }

  void run() {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min(kConnections, files_.size()); ++i) threads.emplace_back([this] { work(); });
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    meter_.finish();
  }

 private:
  void work() {
    try {
      HttpClient client({.watch = [this] { stop_with_others(); }});
      for (std::size_t i; (i = next_++) < files_.size();) {
        stop_with_others();
        pull_one(client, files_[i]);
      }
    } catch (const OthersFailed&) {
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
  }

  void stop_with_others() const {
    if (failed_) throw OthersFailed{};
  }

  void pull_one(HttpClient& client, const PulledFile& pulled) {
    const std::string& name = pulled.file.name;
    const Retries::Options retries{
        .policy = policy_,
        .watch = [this] { stop_with_others(); },
        .before_pause = [&](const HttpError& error, double seconds) { meter_.note(again_text(error, seconds)); }};
    const Download download{.request = hub_.request(reference_, commit_, name),
                            .target = pulled.target,
                            .name = fmt::format("{}: {}", hub_folder(reference_), name),
                            .size = *pulled.file.size,
                            .hash = *pulled.file.hash,
                            .moved = [this](std::int64_t bytes) { meter_.move(bytes); }};
    try {
      download_file(client, download, retries);
    } catch (const HttpError& error) {
      throw hub_.explained(reference_, name, error);
    }
  }

  const Hub& hub_;
  const HubReference& reference_;
  const std::string& commit_;
  std::vector<PulledFile> files_;
  RetryPolicy policy_;
  Meter meter_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace

std::uint64_t missing_bytes(const std::vector<PulledFile>& files) {
  std::uint64_t missing = 0;
  for (const PulledFile& pulled : files) {
    std::error_code failure;
    const std::uintmax_t there = fs::file_size(partial_file(pulled.target), failure);
    missing += failure || there > *pulled.file.size ? *pulled.file.size : *pulled.file.size - there;
  }
  return missing;
}

void pull_files(const Hub& hub, const HubReference& reference, const std::string& commit,
                const std::vector<PulledFile>& files, const RetryPolicy& policy, ProgressListener& progress) {
  if (!files.empty()) Pull(hub, reference, commit, files, policy, progress).run();
}

}  // namespace qreason
