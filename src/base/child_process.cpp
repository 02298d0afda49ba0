#include "base/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/interrupt.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr int kLookMilliseconds = 100;  // between two looks for an interrupt
constexpr int kFirstFree = 16;          // of descriptors, above those of the program itself

// A file in memory: a pipe would have to be filled and emptied at the same time.
Descriptor memory_file(const char* name) {
  const int low = ::memfd_create(name, MFD_CLOEXEC);
  if (low < 0) throw system_error(name, "a file in memory");
  const Descriptor closed(low);
  return Descriptor(::fcntl(low, F_DUPFD_CLOEXEC, kFirstFree));
}

void fill(const Descriptor& file, std::string_view text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::pwrite(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw system_error("a program's input", "writing");
    done += static_cast<std::size_t>(count);
  }
}

std::string content(const Descriptor& file) {
  std::string text(static_cast<std::size_t>(std::max<off_t>(0, ::lseek(file.get(), 0, SEEK_END))), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::pread(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw system_error("a program's output", "reading");
    done += static_cast<std::size_t>(count);
  }
  return text;
}

std::vector<std::string> small_environment() {
  std::vector<std::string> settings{"LC_ALL=C.UTF-8"};
  for (const char* name : {"PATH", "HOME"})
    if (const char* value = std::getenv(name)) settings.push_back(fmt::format("{}={}", name, value));
  return settings;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

pid_t start(std::vector<std::string>& arguments, const Descriptor& input, const Descriptor& output,
            const Descriptor& messages) {
  std::vector<std::string> environment = small_environment();
  const std::vector<char*> words = pointers(arguments), settings = pointers(environment);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, messages.get(), 2);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t process = -1;
  const int code = ::posix_spawn(&process, words[0], &actions, &attributes, words.data(), settings.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw Error(arguments[0], fmt::format("it does not start ({})", std::strerror(code)), "a program");
  return process;
}

int wait_for(pid_t process) {
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Killed unless it came to its end.
class Child {
 public:
  explicit Child(pid_t process) : process_(process) {}
  ~Child() {
    if (process_ < 0) return;
    ::kill(-process_, SIGKILL);  // its session with it
    wait_for(process_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int end_within(std::chrono::seconds limit, const std::string& name) {
    const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
    if (handle.get() < 0) throw system_error(name, "watching it");
    pollfd ended{.fd = handle.get(), .events = POLLIN, .revents = 0};
    const auto last = std::chrono::steady_clock::now() + limit;
    while (::poll(&ended, 1, kLookMilliseconds) <= 0) {
      check_interrupt();
      if (std::chrono::steady_clock::now() > last)
        throw Error(name, fmt::format("no end after {} seconds", limit.count()), "an end");
    }
    return wait_for(std::exchange(process_, -1));
  }

 private:
  pid_t process_;
};

}  // namespace

std::optional<fs::path> find_program(std::string_view name) {
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable == nullptr ? "" : variable;
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const fs::path path = fs::path(rest.substr(0, colon)) / name;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    std::error_code failure;
    if (path.is_absolute() && fs::is_regular_file(path, failure) && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

ProgramRun run_program(std::vector<std::string> arguments, std::string_view input, std::chrono::seconds limit) {
  const Descriptor given = memory_file("input"), output = memory_file("output"), messages = memory_file("messages");
  fill(given, input);
  Child child(start(arguments, given, output, messages));
  ProgramRun run{.exit_code = child.end_within(limit, arguments[0])};
  run.output = content(output);
  run.messages = content(messages);
  return run;
}

}  // namespace qreason
