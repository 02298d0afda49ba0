#include "sandbox/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "sandbox/seccomp_filter.h"
#include "sandbox/server.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

constexpr int kControl = 3, kFilter = 4;  // as the launched program finds them
constexpr int kStartMilliseconds = 20000;
constexpr const char* kNobody = "65534";

[[noreturn]] void fail(const std::string& what) {
  throw Error("the sandbox", what, "bubblewrap 0.8, Python 3.9 and a kernel that lets users make namespaces");
}

fs::path python() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    std::error_code none;
    const fs::path real = fs::canonical(path, none);
    if (!none) return real;
  }
  fail("no /usr/bin/python3");
}

// Since Linux 5.14 a user namespace counts its own processes; before, the limit would be the whole user's.
bool counts_by_namespace() {
  utsname name{};
  int major = 0, minor = 0;
  return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 5 || (major == 5 && minor >= 14));
}

std::string limits_json(const SandboxLimits& limits) {
  // Address space is no memory: stacks and arenas reserve it. What is resident is measured from outside.
  const OrderedJson json{{"cpu_seconds", static_cast<std::int64_t>(std::ceil(limits.cpu_seconds))},
                         {"address_bytes", 2 * limits.memory_bytes + (1LL << 30)},
                         {"disk_bytes", limits.disk_bytes},
                         {"processes", counts_by_namespace() ? limits.processes : 0}};
  return json.dump();
}

void add(std::vector<std::string>& arguments, std::initializer_list<std::string> words) {
  arguments.insert(arguments.end(), words);
}

// Python, its library and the C libraries, where the host has them; links stay links.
void add_root(std::vector<std::string>& arguments, const fs::path& interpreter) {
  const fs::path prefix = interpreter.parent_path().parent_path();
  add(arguments, {"--ro-bind", interpreter, interpreter});
  const fs::path library = prefix / "lib" / interpreter.filename();
  add(arguments, {"--ro-bind", library, library});
  if (prefix != "/usr") add(arguments, {"--ro-bind", prefix / "lib", prefix / "lib"});
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"})
    add(arguments, {"--ro-bind-try", folder, folder});
  for (const char* folder : {"/lib", "/lib64"}) {
    std::error_code none;
    if (fs::is_symlink(folder, none))
      add(arguments, {"--symlink", fs::read_symlink(folder), folder});
    else if (fs::is_directory(folder, none))
      add(arguments, {"--ro-bind", folder, folder});
  }
}

std::vector<std::string> command_line(const SandboxLimits& limits, std::string_view prelude) {
  std::vector<std::string> arguments;
  if (::geteuid() == 0) {
    add(arguments, {"setpriv", fmt::format("--reuid={}", kNobody), fmt::format("--regid={}", kNobody), "--clear-groups",
                    "--inh-caps=-all"});
  }
  add(arguments, {"bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
                  "--unshare-cgroup-try", "--disable-userns", "--uid", kNobody, "--gid", kNobody, "--hostname",
                  "sandbox", "--as-pid-1", "--new-session", "--cap-drop", "ALL"});
  const fs::path interpreter = python();
  add_root(arguments, interpreter);
  add(arguments, {"--dir", "/etc", "--dir", "/proc"});
  for (const char* device : {"/dev/null", "/dev/random", "/dev/urandom"})
    add(arguments, {"--dev-bind", device, device});
  add(arguments, {"--symlink", "/tmp", "/dev/shm", "--symlink", "/tmp/stdin", "/dev/stdin"});
  add(arguments,
      {"--size", fmt::format("{}", limits.disk_bytes), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"});
  add(arguments, {"--clearenv", "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONHASHSEED",
                  "0", "--seccomp", fmt::format("{}", kFilter)});
  add(arguments, {"--", interpreter, "-s", "-B", "-X", "utf8", "-c", std::string(sandbox_server()), limits_json(limits),
                  std::string(prelude)});
  return arguments;
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
pid_t spawn(const std::vector<std::string>& arguments, int control, int filter, int errors) {
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
  std::vector<char*> words;
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 2> environment{path.data(), nullptr};
  pid_t process = -1;
  const int code = ::posix_spawnp(&process, words[0], actions.get(), &attributes, words.data(), environment.data());
  ::posix_spawnattr_destroy(&attributes);
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

LaunchedSandbox launch_sandbox(const SandboxLimits& limits, std::string_view prelude) {
  std::array<int, 2> control{}, errors{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control.data()) != 0) fail("no socket");
  LaunchedSandbox launched{.control = OwnedDescriptor(control[0])};
  OwnedDescriptor other(control[1]);
  if (::pipe2(errors.data(), O_CLOEXEC) != 0) fail("no pipe");
  const OwnedDescriptor listened(errors[0]);
  OwnedDescriptor told(errors[1]);
  const OwnedDescriptor filter(make_seccomp_filter());
  const int yes = 1;
  ::setsockopt(control[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  launched.launcher = spawn(command_line(limits, prelude), other.get(), filter.get(), told.get());
  other.reset();
  told.reset();
  launched.server = wait_until_ready(control[0]);
  if (launched.server > 0)
    launched.server_handle = OwnedDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, launched.server, 0)));
  if (launched.server_handle.get() < 0) {
    ::kill(launched.launcher, SIGKILL);
    launched.control.reset();  // a server without a launcher ends by this
    wait_for(launched.launcher);
    fail(said(listened.get()));
  }
  // Should the system run out of memory, this goes first.
  std::ofstream(fmt::format("/proc/{}/oom_score_adj", launched.server)) << 1000;
  return launched;
}

void end_sandbox(LaunchedSandbox& sandbox) {
  ::syscall(SYS_pidfd_send_signal, sandbox.server_handle.get(), SIGKILL, nullptr, 0);
  sandbox.control.reset();
  wait_for(sandbox.launcher);
  pollfd gone{.fd = sandbox.server_handle.get(), .events = POLLIN, .revents = 0};
  while (::poll(&gone, 1, 5000) < 0 && errno == EINTR) {
  }
}

}  // namespace qreason
