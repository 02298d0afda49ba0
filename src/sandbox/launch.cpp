#include "sandbox/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "sandbox/command_line.h"
#include "sandbox/packet.h"
#include "sandbox/seccomp_filter.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr int kControl = 3, kFilter = 4;  // as the launched program finds them
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kStartMilliseconds = 20000;
constexpr int kEndMilliseconds = 5000;

[[noreturn]] void fail(const std::string& what) {
  throw Error("the sandbox", what,
              "bubblewrap 0.8, Python 3.9 and a kernel that lets users make namespaces, or --allow-unsafe-execution");
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

class FileActions {
 public:
  FileActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  void open(int descriptor, const char* path, int flags) {
    ::posix_spawn_file_actions_addopen(&actions_, descriptor, path, flags, 0);
  }
  void dup(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void close_from(int first) { ::posix_spawn_file_actions_addclosefrom_np(&actions_, first); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// The same file under a number that the launched program's own do not meet.
OwnedDescriptor lifted(int descriptor) {
  return OwnedDescriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, 16));
}

// Nothing of ours goes along: not the environment, not a descriptor, not the terminal.
pid_t spawn(std::vector<std::string> arguments, std::vector<std::string> environment, int control, int filter,
            int errors) {
  const OwnedDescriptor high_control = lifted(control), high_filter = lifted(filter), high_errors = lifted(errors);
  FileActions actions;
  actions.open(0, "/dev/null", O_RDONLY);
  actions.open(1, "/dev/null", O_WRONLY);
  actions.dup(high_errors.get(), 2);
  actions.dup(high_control.get(), kControl);
  actions.dup(high_filter.get(), kFilter);
  actions.close_from(kFilter + 1);
  posix_spawnattr_t attributes{};
  ::posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const std::vector<char*> words = pointers(arguments), settings = pointers(environment);
  pid_t process = -1;
  const int code = ::posix_spawnp(&process, words[0], actions.get(), &attributes, words.data(), settings.data());
  ::posix_spawnattr_destroy(&attributes);
  if (code == ENOENT && arguments[0] == "setpriv")  // with and without a sandbox
    throw Error("the sandbox", "no setpriv, by which root becomes another user before programs run",
                "the package util-linux, or to be started by another user than root");
  if (code != 0) fail(fmt::format("{} does not start ({})", arguments[0], std::strerror(code)));
  return process;
}

// The process that sent "ready", by the credentials that the kernel puts beside the message; -1 when none comes.
pid_t wait_until_ready(int control) {
  pollfd ready{.fd = control, .events = POLLIN, .revents = 0};
  int count = 0;
  while ((count = ::poll(&ready, 1, kStartMilliseconds)) < 0 && errno == EINTR) {
  }
  if (count <= 0) return -1;
  std::array<char, 16> text{};
  alignas(cmsghdr) std::array<char, 128> space{};
  iovec part{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  if (::recvmsg(control, &message, MSG_CMSG_CLOEXEC) <= 0 || std::strcmp(text.data(), "ready") != 0) return -1;
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_CREDENTIALS) continue;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(header), sizeof who);
    return who.pid;
  }
  return -1;
}

// A folder of the user that the server becomes.
fs::path make_scratch() {
  std::string path = (fs::temp_directory_path() / "qreason-run-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) fail("no folder " + path);
  if (::geteuid() == 0 && ::chown(path.c_str(), kNobody, kNobody) != 0) {
    ::rmdir(path.c_str());
    fail("no folder of another user at " + path);
  }
  return path;
}

void remove_scratch(const LaunchedSandbox& launched) {
  std::error_code failure;
  if (!launched.scratch.empty()) fs::remove_all(launched.scratch, failure);
}

// To a server without a sandbox: what its children take upon themselves, which needs to know who we are.
void send_filters(const LaunchedSandbox& launched, int filter) {
  const OwnedDescriptor guard(make_signal_guard({launched.launcher, ::getpid()}));
  const std::array<int, 2> descriptors{guard.get(), filter};
  send_packet(launched.control.get(), "filters", descriptors);
}

// The first line of what was said, without waiting for more.
std::string said(int errors) {
  std::string text(4096, '\0');
  ::fcntl(errors, F_SETFL, O_NONBLOCK);
  const ssize_t count = ::read(errors, text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t last = text.rfind('\n');
  if (text.starts_with("Traceback") && last != std::string::npos) text.erase(0, last + 1);
  return text.empty() ? "no word of it" : text.substr(0, text.find('\n'));
}

void wait_for(pid_t process) {
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

LaunchedSandbox launch_sandbox(const SandboxLimits& limits, std::string_view prelude, const SandboxPlace& place) {
  std::array<int, 2> control{}, errors{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) != 0) fail("no socket");
  LaunchedSandbox launched;
  launched.control = OwnedDescriptor(control[0]);
  OwnedDescriptor other(control[1]);
  if (::pipe2(errors.data(), O_CLOEXEC) != 0) fail("no pipe");
  const OwnedDescriptor listened(errors[0]);
  OwnedDescriptor told(errors[1]);
  const OwnedDescriptor filter(make_seccomp_filter());
  const int yes = 1;
  ::setsockopt(control[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  const bool bare = place.isolation == Isolation::kNone;
  if (bare) launched.scratch = make_scratch();
  launched.launcher = bare ? spawn(bare_command(limits, prelude, launched.scratch, place.packages),
                                   server_environment(launched.scratch), other.get(), filter.get(), told.get())
                           : spawn(sandboxed_command(limits, prelude, kFilter, place.packages), {kPath}, other.get(),
                                   filter.get(), told.get());
  other.reset();
  told.reset();
  if (bare) send_filters(launched, filter.get());
  launched.server = wait_until_ready(control[0]);
  if (launched.server > 0)
    launched.server_handle = OwnedDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, launched.server, 0)));
  if (launched.server_handle.get() < 0) {
    ::kill(launched.launcher, SIGKILL);
    launched.control.reset();  // a server without a launcher ends by this
    wait_for(launched.launcher);
    remove_scratch(launched);
    fail(said(listened.get()));
  }
  // Should the system run out of memory, this goes first. (Without a sandbox, the children that it would leave behind.)
  if (!bare) std::ofstream(fmt::format("/proc/{}/oom_score_adj", launched.server)) << 1000;
  return launched;
}

void end_sandbox(LaunchedSandbox& sandbox) {
  pollfd gone{.fd = sandbox.server_handle.get(), .events = POLLIN, .revents = 0};
  const auto wait_until_gone = [&] {
    int count = 0;
    while ((count = ::poll(&gone, 1, kEndMilliseconds)) < 0 && errno == EINTR) {
    }
    return count > 0;
  };
  const auto kill_server = [&] { ::syscall(SYS_pidfd_send_signal, sandbox.server_handle.get(), SIGKILL, nullptr, 0); };
  if (sandbox.scratch.empty()) {
    kill_server();  // and with process 1 everything
    sandbox.control.reset();
    wait_for(sandbox.launcher);
    wait_until_gone();
    return;
  }
  sandbox.control.reset();  // by which it kills what descends from it, and ends
  if (!wait_until_gone()) kill_server();
  wait_for(sandbox.launcher);
  remove_scratch(sandbox);
}

}  // namespace qreason
