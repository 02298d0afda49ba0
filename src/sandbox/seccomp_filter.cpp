#include "sandbox/seccomp_filter.h"

#include <fmt/format.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "base/error.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

namespace qreason {
namespace {

constexpr std::array kAllowed{
    // files and folders
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "open",
    "openat", "openat2", "close", "close_range", "creat", "lseek", "stat", "fstat", "lstat", "newfstatat", "statx",
    "statfs", "fstatfs", "access", "faccessat", "faccessat2", "getcwd", "chdir", "fchdir", "mkdir", "mkdirat", "rmdir",
    "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "readlink",
    "readlinkat", "chmod", "fchmod", "fchmodat", "umask", "utime", "utimes", "utimensat", "futimesat", "truncate",
    "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "fadvise64", "getdents", "getdents64", "mknod",
    "mknodat", "flock", "fcntl", "dup", "dup2", "dup3", "sendfile", "copy_file_range", "splice", "tee", "getxattr",
    "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "inotify_init1", "inotify_add_watch",
    "inotify_rm_watch",
    // waiting and messages
    "pipe", "pipe2", "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    "signalfd", "signalfd4", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername",
    "setsockopt", "getsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown",
    // memory
    "brk", "munmap", "mprotect", "mremap", "madvise", "mincore", "msync", "membarrier",
    // processes, threads and signals
    "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid", "gettid",
    "getpgid", "setpgid", "getpgrp", "getsid", "setsid", "kill", "tkill", "tgkill", "pidfd_open", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait", "rt_sigsuspend", "rt_sigqueueinfo",
    "sigaltstack", "restart_syscall", "pause", "futex", "futex_waitv", "set_robust_list", "get_robust_list",
    "set_tid_address", "rseq", "arch_prctl", "sched_yield", "sched_getaffinity", "sched_getscheduler", "sched_getparam",
    "sched_get_priority_max", "sched_get_priority_min", "getpriority", "getrlimit", "setrlimit", "getrusage", "times",
    "getcpu",
    // who and when
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget", "uname", "sysinfo",
    "getrandom", "time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "alarm",
    "setitimer", "getitimer", "timer_create", "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete"};

constexpr std::uint64_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

class Filter {
 public:
  // `otherwise`: what becomes of calls without a rule.
  explicit Filter(std::uint32_t otherwise) : context_(seccomp_init(otherwise), seccomp_release) {
    if (!context_) throw Error("the sandbox", "no seccomp filter could be made");
  }

  // Calls that this machine does not have are passed over.
  void allow(const char* name) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number >= 0) check(seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, number, 0));
  }

  // Where argument `index`, masked, is one of the values.
  void allow_values(int number, unsigned index, std::uint64_t mask, std::initializer_list<std::uint64_t> values) {
    for (const std::uint64_t value : values) add(SCMP_ACT_ALLOW, number, index, mask, value);
  }

  // Where the first argument, a number of 32 bits, is this one.
  void refuse_first(int number, int value) {
    add(SCMP_ACT_ERRNO(EPERM), number, 0, 0xFFFFFFFF, static_cast<std::uint32_t>(value));
  }

  // In a file without a name, to be read from its beginning.
  int written() const {
    const int descriptor = ::memfd_create("seccomp", MFD_CLOEXEC);
    if (descriptor < 0) throw Error("the sandbox", "no file for the seccomp filter");
    try {
      check(seccomp_export_bpf(context_.get(), descriptor));
      ::lseek(descriptor, 0, SEEK_SET);
    } catch (...) {
      ::close(descriptor);
      throw;
    }
    return descriptor;
  }

 private:
  void add(std::uint32_t action, int number, unsigned index, std::uint64_t mask, std::uint64_t value) {
    const scmp_arg_cmp compare{index, SCMP_CMP_MASKED_EQ, mask, value};
    check(seccomp_rule_add_array(context_.get(), action, number, 1, &compare));
  }

  static void check(int code) {
    if (code < 0) throw Error("the sandbox", fmt::format("seccomp rule refused ({})", -code));
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

}  // namespace

int make_seccomp_filter() {
  constexpr std::uint64_t kAll = ~std::uint64_t{0};
  constexpr std::uint64_t kAnonymousShared = MAP_SHARED | MAP_ANONYMOUS;
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  for (const char* name : kAllowed) filter.allow(name);
  filter.allow_values(SCMP_SYS(clone), 0, kNamespaces, {0});
  filter.allow_values(SCMP_SYS(socket), 0, kAll, {AF_UNIX});
  filter.allow_values(SCMP_SYS(socketpair), 0, kAll, {AF_UNIX});
  filter.allow_values(SCMP_SYS(mmap), 3, kAnonymousShared, {0, MAP_SHARED, MAP_ANONYMOUS});
  filter.allow_values(SCMP_SYS(ioctl), 1, kAll, {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX});
  // Of the caller alone: process 1 hands its limits and processors on to the next program.
  filter.allow_values(SCMP_SYS(prlimit64), 0, kAll, {0});
  filter.allow_values(SCMP_SYS(sched_setaffinity), 0, kAll, {0});
  filter.allow_values(SCMP_SYS(prctl), 0, kAll,
                      {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_VMA});
  return filter.written();
}

int make_signal_guard(std::initializer_list<int> processes) {
  constexpr int kEverything = -1;
  Filter filter(SCMP_ACT_ALLOW);
  for (const int number : {SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo)})
    for (const int process : processes) filter.refuse_first(number, process);
  for (const int group : processes) filter.refuse_first(SCMP_SYS(kill), -group);
  filter.refuse_first(SCMP_SYS(kill), kEverything);
  return filter.written();
}

}  // namespace qreason
