// What is left of a sandbox where there is none: limits, an own folder and environment, and the whole tree killed.
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"
#include "support/fixtures.h"
#include "support/sandbox_support.h"

namespace qreason {
namespace {
namespace fs = std::filesystem;

class WithoutSandbox : public testing::ProgramTest {
 protected:
  WithoutSandbox() : ProgramTest(testing::small_limits(8), {.isolation = Isolation::kNone}) {}
};

// Whether a process of this number is there (a zombie nobody has taken notice of is not meant).
bool is_alive(pid_t process) {
  return ::kill(process, 0) == 0 || errno == EPERM;
}

TEST_F(WithoutSandbox, RunsProgramsOneAfterAnother) {
  EXPECT_EQ(printed("print(input()[::-1])", "abc\n"), "cba\n");
  EXPECT_EQ(printed("print(open('/dev/stdin').read())", "again"), "again\n");
  EXPECT_EQ(run("import os; os._exit(3)").code, 3);
  EXPECT_EQ(run("import os; os.kill(os.getpid(), 11)").code, SIGSEGV);
  EXPECT_EQ(printed("from multiprocessing import Pool\nwith Pool(2) as p: print(sum(p.map(abs, [-1, -2])))"), "3\n");
}

TEST_F(WithoutSandbox, LimitsTimeMemoryFilesAndOutput) {
  EXPECT_EQ(run("while True: pass").end, RunEnd::kTimeLimit);
  EXPECT_NE(printed("try:\n    x = bytearray(3 << 30)\n    print('had it')\nexcept MemoryError: print('refused')"),
            "had it\n");
  EXPECT_EQ(run("import os, time\n"
                "for _ in range(8):\n"
                "    if os.fork() == 0:\n"
                "        x = bytearray(b'x') * (100 << 20)\n"
                "        time.sleep(3)\n"
                "        os._exit(0)\n"
                "time.sleep(3)\n")
                .end,
            RunEnd::kMemoryLimit);
  EXPECT_EQ(run("import os\nfor _ in range(2000): os.write(1, b'A' * (1 << 20))").end, RunEnd::kOutputLimit);
  EXPECT_EQ(printed("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
                    "try: open('f', 'wb', 0).truncate(17 << 20)\nexcept OSError: print('too large')"),
            "too large\n");
  EXPECT_EQ(run("import os, time\nfor _ in range(40):\n    if os.fork() == 0: time.sleep(5); os._exit(0)\n"
                "time.sleep(5)")
                .end,
            RunEnd::kProcessLimit);
}

TEST_F(WithoutSandbox, HasAFolderAndAnEnvironmentOfItsOwn) {
  ::setenv("QREASON_CANARY", "canary", 1);
  EXPECT_EQ(printed("import os; print(sorted(os.environ), os.listdir('.'))"),
            "['HOME', 'LANG', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PYTHONHASHSEED', 'TMPDIR'] []\n");
  const std::string folder = printed("import os, tempfile; open('left', 'w'); print(tempfile.gettempdir())");
  const fs::path scratch = folder.substr(0, folder.find('\n'));
  EXPECT_TRUE(scratch.filename().string().starts_with("qreason-run-"));
  EXPECT_FALSE(fs::exists(scratch)) << "what a program left goes with its folder";
  EXPECT_EQ(printed("import os; print(os.listdir('.'), os.getsid(0) == os.getpid(), os.getuid() != 0)"),
            "[] True True\n");
  EXPECT_EQ(printed("import sys; print([p for p in sys.path if p.endswith('-packages')])"), "[]\n");
}

TEST_F(WithoutSandbox, HasNoNetworkAndCannotTouchWhatRunsIt) {
  for (const char* attempt : {"import socket; socket.socket(socket.AF_INET, 2)", "import os; os.kill(-1, 0)",
                              "import os; os.kill(os.getppid(), 0)", "import os; os.kill(-os.getppid(), 0)",
                              "import ctypes, os; assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0",
                              "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0"})
    EXPECT_EQ(run(attempt).code, 1) << attempt;
  EXPECT_EQ(run("import os; os.kill(" + std::to_string(::getpid()) + ", 0)").code, 1);
  EXPECT_EQ(printed("import os, signal\n"
                    "p = os.fork()\nif p == 0:\n    signal.pause()\n"
                    "os.kill(p, 9); print(os.waitpid(p, 0)[1])"),
            "9\n");
}

// Processes that left their session and their parent behind, after an end and after a limit.
TEST_F(WithoutSandbox, KillsAllThatDescendsFromAProgram) {
  const std::string daemon =
      "import os, sys, time\n"
      "r, w = os.pipe()\n"
      "if os.fork() == 0:\n"
      "    os.setsid()\n"
      "    if os.fork() == 0:\n"
      "        os.write(w, b'%d' % os.getpid())\n"
      "        time.sleep(60)\n"
      "    os._exit(0)\n"
      "print(os.read(r, 20).decode(), flush=True)\n";
  EXPECT_FALSE(is_alive(std::stoi(printed(daemon))));
  const SandboxResult slow = run(daemon + "while True: pass\n");
  EXPECT_EQ(slow.end, RunEnd::kTimeLimit);
  EXPECT_FALSE(is_alive(std::stoi(slow.output)));
  EXPECT_EQ(printed("print('next')"), "next\n");
}

}  // namespace
}  // namespace qreason
