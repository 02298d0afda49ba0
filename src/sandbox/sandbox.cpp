#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/error.h"
#include "sandbox/launch.h"
#include "sandbox/packet.h"
#include "sandbox/process_tree.h"

namespace qreason {
namespace {

constexpr int kWatchMilliseconds = 10;

// A file without a name that holds `bytes` and cannot be changed, read from its beginning.
OwnedDescriptor sealed_file(std::string_view bytes) {
  OwnedDescriptor file(::memfd_create("run", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw Error("the sandbox", "no memory for the input of a program");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return file;
}

// What comes out of a pipe, kept up to a limit.
class Collector {
 public:
  explicit Collector(std::int64_t limit) : limit_(static_cast<std::size_t>(limit)) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw Error("the sandbox", "no pipe for the output of a program");
    ours_ = OwnedDescriptor(ends[0]);
    theirs_ = OwnedDescriptor(ends[1]);
    ::fcntl(ours_.get(), F_SETFL, O_NONBLOCK);
  }

  int writing_end() const { return theirs_.get(); }
  void give_away() { theirs_.reset(); }
  pollfd wanted() const { return {.fd = ours_.get(), .events = POLLIN, .revents = 0}; }
  bool over() const { return over_; }
  std::string take() { return std::move(text_); }

  // All that is there now, at most one byte beyond the limit.
  void drain() {
    std::array<char, 65536> block;
    while (!over_ && ours_.get() >= 0) {
      const ssize_t count = ::read(ours_.get(), block.data(), block.size());
      if (count == 0) ours_.reset();
      if (count <= 0) return;
      text_.append(block.data(), std::min(static_cast<std::size_t>(count), limit_ + 1 - text_.size()));
      over_ = text_.size() > limit_;
    }
    if (over_) text_.resize(limit_);
  }

 private:
  std::size_t limit_;
  OwnedDescriptor ours_, theirs_;
  std::string text_;
  bool over_ = false;
};

}  // namespace

class Sandbox::Process {
 public:
  Process(const SandboxLimits& limits, std::string_view prelude, const SandboxPlace& place)
      : limits_(limits), launched_(launch_sandbox(limits, prelude, place)) {}
  ~Process() { end_sandbox(launched_); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool reusable() const { return reusable_; }

  SandboxResult run(const SandboxRun& run) {
    reusable_ = false;
    Collector output(limits_.output_bytes), report(limits_.report_bytes);
    {
      const OwnedDescriptor payload = sealed_file(run.payload), input = sealed_file(run.stdin_bytes);
      start_ = std::chrono::steady_clock::now();
      cpu_before_ = measure_tree(launched_.server).cpu_seconds;
      const std::array<int, 4> descriptors{payload.get(), input.get(), output.writing_end(), report.writing_end()};
      if (!send_packet(launched_.control.get(), "run", descriptors)) return {};
    }
    output.give_away();
    report.give_away();
    SandboxResult result = wait(run, output, report);
    output.drain();
    report.drain();
    if (output.over() && (result.end == RunEnd::kExited || result.end == RunEnd::kSignalled))
      result.end = RunEnd::kOutputLimit;
    result.output = output.take();
    result.report = report.take();
    return result;
  }

 private:
  SandboxResult wait(const SandboxRun& run, Collector& output, Collector& report) {
    auto next_look = start_;
    for (;;) {
      std::array<pollfd, 3> waited{pollfd{.fd = launched_.control.get(), .events = POLLIN, .revents = 0},
                                   output.wanted(), report.wanted()};
      ::poll(waited.data(), waited.size(), kWatchMilliseconds);
      if (waited[0].revents != 0) return ended();
      output.drain();
      report.drain();
      if (output.over() || report.over()) return stopped(RunEnd::kOutputLimit);
      const auto now = std::chrono::steady_clock::now();
      if (now < next_look) continue;
      next_look = now + std::chrono::milliseconds(kWatchMilliseconds);
      if (run.cancelled != nullptr && run.cancelled->load()) return stopped(RunEnd::kCancelled);
      if (const auto limit = exceeded(now)) return stopped(*limit);
    }
  }

  std::optional<RunEnd> exceeded(std::chrono::steady_clock::time_point now) const {
    if (std::chrono::duration<double>(now - start_).count() > limits_.wall_seconds) return RunEnd::kTimeLimit;
    const TreeUsage usage = measure_tree(launched_.server);
    if (usage.memory_bytes > static_cast<std::uint64_t>(limits_.memory_bytes)) return RunEnd::kMemoryLimit;
    if (usage.cpu_seconds - cpu_before_ > limits_.cpu_seconds) return RunEnd::kTimeLimit;
    if (usage.tasks > limits_.processes + 1) return RunEnd::kProcessLimit;
    return std::nullopt;
  }

  // By what the server says; it died when it says nothing.
  SandboxResult ended() {
    std::array<char, 64> text{};
    int status = 0, clean = 0;
    const ssize_t count = ::recv(launched_.control.get(), text.data(), text.size() - 1, 0);
    if (count <= 0 || std::sscanf(text.data(), "ended %d %d", &status, &clean) != 2) return {};
    reusable_ = clean == 1;
    if (WIFEXITED(status)) return {.end = RunEnd::kExited, .code = WEXITSTATUS(status)};
    if (WTERMSIG(status) == SIGXCPU) return {.end = RunEnd::kTimeLimit};
    return {.end = RunEnd::kSignalled, .code = WTERMSIG(status)};
  }

  SandboxResult stopped(RunEnd end) {
    end_sandbox(launched_);
    return {.end = end};
  }

  SandboxLimits limits_;
  LaunchedSandbox launched_;
  bool reusable_ = true;
  std::chrono::steady_clock::time_point start_;
  double cpu_before_ = 0;
};

Sandbox::Sandbox(const SandboxLimits& limits, std::string_view prelude, SandboxPlace place)
    : limits_(limits), prelude_(prelude), place_(std::move(place)) {}

Sandbox::~Sandbox() = default;

SandboxResult Sandbox::run(const SandboxRun& run) {
  if (!process_) process_ = std::make_unique<Process>(limits_, prelude_, place_);
  SandboxResult result = process_->run(run);
  if (!process_->reusable()) process_.reset();
  return result;
}

}  // namespace qreason
