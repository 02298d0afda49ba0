// A child process on a terminal of its own: what a user sees, types and interrupts.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace qreason::testing {

// False where /dev/pts is not mounted; tests then skip.
bool have_terminals();

#define QREASON_REQUIRE_TERMINAL() \
  if (!::qreason::testing::have_terminals()) GTEST_SKIP() << "no pseudo-terminals here (/dev/pts is not mounted)"

class PseudoTerminal {
 public:
  // Standard input, output and error of the child are the terminal. Runs `work`, then exits with 0.
  PseudoTerminal(int columns, const std::function<void()>& work);
  // Runs a program, with its path as the first argument.
  PseudoTerminal(int columns, const std::vector<std::string>& command);
  ~PseudoTerminal();  // kills a child that still runs
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  // Reads until `text` was printed after what earlier calls waited for; false at the end of the output or after 30 s.
  bool wait_for(const std::string& text);
  bool wait_for_anything();                  // the same for whatever is printed next
  void type(const std::string& text) const;  // "\x03" is Ctrl-C
  // Reads to the end; the child's exit code, or 128 + the signal that ended it.
  int finish();
  // All that was printed; the terminal turns \n into \r\n and echoes what is typed.
  const std::string& printed() const { return printed_; }

 private:
  bool read_some(int milliseconds);
  bool wait_until(const std::function<std::size_t()>& newly_seen);  // end of what is seen then
  int master_ = -1;
  pid_t child_ = -1;
  std::string printed_;
  std::size_t seen_ = 0;
};

// What the lines of a terminal show in the end and what stood on them before: split at \n, then at \r.
std::vector<std::string> drawn_lines(const std::string& printed);

}  // namespace qreason::testing
