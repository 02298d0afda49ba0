// Runs programs that may be hostile, one after another, each in a fresh process under limits.
//
// A Sandbox is one bubblewrap with namespaces of its own for users, processes, network, mounts, IPC, host name and
// control groups, no capabilities, no further namespaces, a filter of system calls (sandbox/seccomp_filter.h) and an
// own root: the system's Python and the C libraries, read-only; an empty /etc and /proc; /dev with null, random and
// urandom; one tmpfs. Started by root, it becomes the user "nobody" first. Its process 1 (server.py) runs no program
// itself: it forks a child for each. When the child's main process has ended, all other processes in there are killed.
// A sandbox is used again only if the program left no file behind; else, and after every limit, all of it is thrown
// away and the next run has a new one.
//
// Where a machine allows none of this, Isolation::kNone is what is left without any privilege: the same server, limits
// and system calls (no network, no ptrace), a session, a folder and an environment of its own, and all that descends
// from a program killed with it. Such a program reads and writes every file that we may (those that "nobody" may, where
// we are root), hidden tests among them, and may signal processes of the same user other than us.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace qreason {

struct SandboxLimits {
  double wall_seconds = 12;
  double cpu_seconds = 6;                    // of all processes together
  std::int64_t memory_bytes = 2048LL << 20;  // of all processes together, files in the tmpfs not included
  std::int64_t processes = 64;               // and threads
  std::int64_t output_bytes = 64LL << 20;    // of stdout
  std::int64_t report_bytes = 64LL << 20;    // of what the prelude writes
  std::int64_t disk_bytes = 256LL << 20;     // of the tmpfs, the run's stdin included; without a sandbox, of each file
};

enum class Isolation : std::uint8_t { kSandbox, kNone };

struct SandboxPlace {
  Isolation isolation = Isolation::kSandbox;
  // A folder of Python packages that programs find besides the standard library, read-only; empty: none.
  std::filesystem::path packages = {};
};

enum class RunEnd : std::uint8_t {
  kExited,     // `code` is the main process's exit status
  kSignalled,  // `code` is the signal
  kTimeLimit,  // of the clock or the processors
  kMemoryLimit,
  kOutputLimit,
  kProcessLimit,
  kLost,  // the sandbox died with it: the system was out of memory, for instance
  kCancelled,
};

struct SandboxRun {
  std::string_view payload;                      // for the prelude's run()
  std::string_view stdin_bytes;                  // descriptor 0, and /dev/stdin
  const std::atomic<bool>* cancelled = nullptr;  // looked at every few milliseconds
};

struct SandboxResult {
  RunEnd end = RunEnd::kLost;
  int code = 0;
  std::string output;  // what was written to stdout before the main process ended; at most the limit
  std::string report;  // what was written to the prelude's descriptor
};

class Sandbox {
 public:
  // `prelude`: trusted Python source that defines run(payload, result_descriptor); it is loaded once a sandbox and
  // called in the child, in an empty folder, with all limits set. stderr goes nowhere.
  Sandbox(const SandboxLimits& limits, std::string_view prelude, SandboxPlace place = {});
  ~Sandbox();  // kills and waits
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // Blocks; one at a time. Starts the sandbox where none runs. Error: the kernel or the system does not allow one (says
  // what bubblewrap said). Nothing is run outside of one unless Isolation::kNone asks for it.
  SandboxResult run(const SandboxRun& run);

 private:
  class Process;
  SandboxLimits limits_;
  std::string prelude_;
  SandboxPlace place_;
  std::unique_ptr<Process> process_;
};

}  // namespace qreason
