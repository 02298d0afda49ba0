// Programs that attack what runs them. All are bounded, so that they end by themselves where nothing holds them.
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "support/fixtures.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

constexpr SandboxLimits kSmall = testing::small_limits(4);

class SandboxTest : public testing::ProgramTest {
 protected:
  SandboxTest() : ProgramTest(kSmall) {}
  void SetUp() override { QREASON_REQUIRE_SANDBOX(); }
};

TEST_F(SandboxTest, RunsProgramsOneAfterAnother) {
  EXPECT_EQ(printed("print(input()[::-1])", "abc\n"), "cba\n");
  EXPECT_EQ(printed("print(open('/dev/stdin').read())", "again"), "again\n");
  EXPECT_EQ(run("import sys; sys.exit(3)").code, 1);
  EXPECT_EQ(run("import os; os._exit(3)").code, 3);
  EXPECT_EQ(run("import os; os.kill(os.getpid(), 11)").code, SIGSEGV);
}

TEST_F(SandboxTest, StdlibWorks) {
  EXPECT_EQ(printed("import threading\nt = threading.Thread(target=print, args=(1,))\nt.start(); t.join()"), "1\n");
  EXPECT_EQ(printed("import asyncio\nasync def f():\n    return 2\nprint(asyncio.run(f()))"), "2\n");
  EXPECT_EQ(printed("from multiprocessing import Pool\nwith Pool(2) as p: print(sum(p.map(abs, [-1, -2])))"), "3\n");
  EXPECT_EQ(printed("import tempfile\nwith tempfile.TemporaryFile() as f: print(f.write(b'abcd'))"), "4\n");
  EXPECT_EQ(printed("import mmap\nf = open('f', 'w+b')\nf.write(b'x')\nf.flush()\nprint(mmap.mmap(f.fileno(), 0)[0])"),
            "120\n");
}

TEST_F(SandboxTest, EveryRunBeginsInAnEmptyFolder) {
  const std::string look = "import os; print(os.listdir('.'), os.listdir('/tmp'))";
  const std::string fresh = printed(look);
  EXPECT_EQ(printed("open('a', 'w'); open('/tmp/b', 'w'); open('/dev/shm/c', 'w')"), "");
  EXPECT_EQ(printed(look), fresh);
}

TEST_F(SandboxTest, LimitsTime) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run("while True: pass").end, RunEnd::kTimeLimit);
  EXPECT_EQ(run("import time; time.sleep(30)").end, RunEnd::kTimeLimit);
  EXPECT_EQ(run("import signal, time\n"
                "for s in range(1, 65):\n"
                "    try: signal.signal(s, signal.SIG_IGN)\n"
                "    except (OSError, ValueError): pass\n"
                "end = time.time() + 30\n"
                "while time.time() < end: pass")
                .end,
            RunEnd::kTimeLimit);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST_F(SandboxTest, LimitsTheProcessorTimeOfAllProcesses) {
  const SandboxResult result =
      run("import os, time\n"
          "for _ in range(4):\n"
          "    if os.fork() == 0:\n"
          "        end = time.time() + 20\n"
          "        while time.time() < end: pass\n"
          "        os._exit(0)\n"
          "time.sleep(3.9)\n"
          "print('all ran')");
  EXPECT_TRUE(result.end == RunEnd::kTimeLimit || result.output == "all ran\n");
}

TEST_F(SandboxTest, LimitsMemory) {
  const SandboxResult alone = run("x = bytearray(2 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint('had it')");
  EXPECT_NE(alone.output, "had it\n");
  // Together beyond the limit, each below it.
  EXPECT_EQ(run("import os, time\n"
                "for _ in range(8):\n"
                "    if os.fork() == 0:\n"
                "        x = bytearray(b'x') * (100 << 20)\n"
                "        time.sleep(3)\n"
                "        os._exit(0)\n"
                "time.sleep(3)\n")
                .end,
            RunEnd::kMemoryLimit);
}

TEST_F(SandboxTest, SharedMemoryCannotHide) {
  for (const char* make : {"mmap.mmap(-1, 1 << 20)", "ctypes.CDLL(None).memfd_create(b'x', 0) < 0 and 1 / 0",
                           "ctypes.CDLL(None).shmget(0, 1 << 20, 0o1666) < 0 and 1 / 0"})
    EXPECT_EQ(run(std::string("import ctypes, mmap\n") + make).code, 1) << make;
}

TEST_F(SandboxTest, LimitsProcesses) {
  EXPECT_NE(printed("import os, time\n"
                    "n = 0\n"
                    "try:\n"
                    "    while n < 100:\n"
                    "        if os.fork() == 0:\n"
                    "            time.sleep(5)\n"
                    "            os._exit(0)\n"
                    "        n += 1\n"
                    "except OSError: pass\n"
                    "print(n < 17)"),
            "False\n");
  EXPECT_EQ(printed("print(1)"), "1\n");
}

TEST_F(SandboxTest, LimitsDiskAndOutput) {
  EXPECT_EQ(printed("n = 0\n"
                    "try:\n"
                    "    for i in range(200):\n"
                    "        with open('/tmp/f%d' % i, 'wb') as f: f.write(bytes(1 << 20))\n"
                    "        n = i\n"
                    "except OSError: pass\n"
                    "print(n < 17)"),
            "True\n");
  const SandboxResult flood = run("import os\nfor _ in range(2000): os.write(1, b'A' * (1 << 20))");
  EXPECT_EQ(flood.end, RunEnd::kOutputLimit);
  EXPECT_LE(flood.output.size(), std::size_t{1} << 20);
}

TEST_F(SandboxTest, OutputCountsUntilTheMainProcessEnds) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(printed("import os, sys, time\n"
                    "if os.fork() == 0:\n"
                    "    os.setsid()\n"
                    "    if os.fork() == 0:\n"
                    "        time.sleep(1)\n"
                    "        os.write(1, b'late')\n"
                    "        time.sleep(20)\n"
                    "    os._exit(0)\n"
                    "print('now')"),
            "now\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(SandboxTest, SeesNothingOfTheHost) {
  ::setenv("QREASON_CANARY", "canary", 1);
  EXPECT_EQ(printed("import os; print('QREASON_CANARY' in os.environ)"), "False\n");
  EXPECT_EQ(printed("import os; print(sorted(os.listdir('/')))"),
            printed("print(sorted(n for n in ['dev', 'etc', 'lib', 'lib64', 'proc', 'tmp', 'usr'] "
                    "if __import__('os').path.lexists('/' + n)))"));
  EXPECT_EQ(printed("import os; print(os.listdir('/etc'), os.listdir('/proc'), os.getuid())"), "[] [] 65534\n");
}

TEST_F(SandboxTest, InheritsNoDescriptor) {
  const fs::path secret = fs::temp_directory_path();
  const int leaked = ::open(secret.c_str(), O_RDONLY | O_DIRECTORY);  // not close-on-exec
  Sandbox fresh(kSmall, testing::kProgramPrelude);
  const SandboxResult result = fresh.run({.payload = "import os\n"
                                                     "def is_open(d):\n"
                                                     "    try: os.fstat(d)\n"
                                                     "    except OSError: return False\n"
                                                     "    return True\n"
                                                     "print([d for d in range(1024) if is_open(d) and d != report])"});
  ::close(leaked);
  EXPECT_EQ(result.output, "[0, 1, 2]\n") << result.report;
}

TEST_F(SandboxTest, WritesNothingOutside) {
  EXPECT_EQ(printed("import os\n"
                    "for d in ('/', '/etc', '/usr', '/dev', '/proc', '/usr/lib', '/var/tmp', '/root', '/home'):\n"
                    "    try: open(os.path.join(d, 'qreason_outside'), 'w'); print(d)\n"
                    "    except OSError: pass\n"
                    "open('/tmp/qreason_outside', 'w')"),
            "");
  EXPECT_FALSE(fs::exists("/tmp/qreason_outside"));
}

TEST_F(SandboxTest, MakesNoNamespaceAndHasNoPower) {
  for (const char* attempt : {"c.unshare(0x10000000) == 0",
                              "c.unshare(0x00020000) == 0",
                              "c.syscall(435, ctypes.byref(args), 88) > 0",
                              "c.syscall(56, 0x10000011, 0, 0, 0, 0) > 0",
                              "c.mount(b'none', b'/', None, 0x44000, None) == 0",
                              "c.chroot(b'/tmp') == 0",
                              "c.ptrace(16, os.getppid(), None, None) == 0",
                              "c.setuid(0) == 0",
                              "c.syscall(101, 16, 1, 0, 0) == 0",
                              "c.syscall(310, os.getppid(), 0, 0, 0, 0, 0) >= 0",
                              "c.syscall(438, os.pidfd_open(1), 0, 0) >= 0",
                              "c.syscall(321, 0, 0, 0) >= 0",
                              "c.syscall(425, 8, args) >= 0",
                              "c.syscall(250, 0, 0, 0, 0, 0) >= 0",
                              "c.syscall(298, 0, 0, 0, 0, 0) >= 0",
                              "c.syscall(323, 0) >= 0",
                              "c.personality(0x0040000) != -1",
                              "c.prlimit(1, 7, args, None) == 0",
                              "c.sched_setaffinity(1, 8, args) == 0",
                              "c.setpriority(0, 1, 19) == 0",
                              "c.sethostname(b'x', 1) == 0"}) {
    EXPECT_EQ(printed(std::string("import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\n"
                                  "args = (ctypes.c_uint64 * 64)(0x10000000, 0, 0, 0, 17)\nprint(") +
                      attempt + ")"),
              "False\n")
        << attempt;
  }
}

TEST_F(SandboxTest, HasNoNetwork) {
  for (const char* family : {"AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"})
    EXPECT_EQ(run(std::string("import socket; socket.socket(socket.") + family + ", 2)").code, 1) << family;
}

TEST_F(SandboxTest, CannotStopItsServer) {
  EXPECT_EQ(printed("import os, signal\n"
                    "for s in range(1, 65):\n"
                    "    try: os.kill(1, s)\n"
                    "    except OSError: pass\n"
                    "print('tried')"),
            "tried\n");
  EXPECT_EQ(printed("print('next')"), "next\n");
  EXPECT_EQ(run("import os\nif os.fork() == 0: os.kill(-1, 9)\nimport time; time.sleep(3)").code, SIGKILL);
  EXPECT_EQ(printed("print('next')"), "next\n");
}

TEST_F(SandboxTest, LeftFilesAndLinksGoWithTheSandbox) {
  for (const char* leave :
       {"os.symlink('/tmp', 'a'); os.symlink('/', '/tmp/b')", "os.mkfifo('/tmp/c')", "os.unlink('/tmp/stdin')",
        "os.rmdir('/tmp/work'); os.symlink('/usr', '/tmp/work')", "os.chmod('/tmp', 0)",
        "open('/tmp/d', 'wb').truncate(8 << 20)", "os.rename('/tmp/stdin', '/tmp/work/x')"}) {
    run(std::string("import os\n") + leave);
    EXPECT_EQ(printed("import os; print(os.listdir('.'), sorted(os.listdir('/tmp')))", "in"), "[] ['stdin', 'work']\n")
        << leave;
  }
}

TEST_F(SandboxTest, NothingIsLeftOfIt) {
  {
    Sandbox other(kSmall, testing::kProgramPrelude);
    other.run({.payload = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(30)\n"});
    other.run({.payload = "import os, time\nos.fork()\ntime.sleep(30)"});
  }
  // (The one of the fixture is not started.)
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(SandboxTest, SeesNamedPackagesAndCannotChangeThem) {
  const fs::path folder = fs::temp_directory_path() / ("qreason-packages-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "extra.py") << "VALUE = 7\n";
  EXPECT_EQ(run("import extra").code, 1);
  for (const Isolation isolation : {Isolation::kSandbox, Isolation::kNone}) {
    Sandbox with(kSmall, testing::kProgramPrelude, {.isolation = isolation, .packages = folder});
    EXPECT_EQ(with.run({.payload = "import extra; print(extra.VALUE)"}).output, "7\n");
  }
  Sandbox with(kSmall, testing::kProgramPrelude, {.packages = folder});
  EXPECT_EQ(with.run({.payload = "open('/packages/extra.py', 'w')"}).code, 1);
  EXPECT_EQ(with.run({.payload = "import os; print(os.listdir('/packages'))"}).output, "['extra.py']\n");
  fs::remove_all(folder);
}

TEST_F(SandboxTest, IsCancelled) {
  std::atomic<bool> cancelled = false;
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    cancelled = true;
  });
  EXPECT_EQ(sandbox_.run({.payload = "import time; time.sleep(30)", .cancelled = &cancelled}).end, RunEnd::kCancelled);
  later.join();
}

}  // namespace
}  // namespace qreason
