// Lines of standard input for a session that Ctrl-C may end while it waits.
#pragma once

#include <string>

namespace qreason {

class LineReader {
 public:
  enum class Outcome { kLine, kEnd, kInterrupt };

  // Waits for a line (without its newline; a last one may have none), the end of the input, or Ctrl-C, which is taken
  // (base/interrupt.h). Errors: SIGTERM (kInterrupted), an input that cannot be read.
  Outcome next(std::string& line);

 private:
  std::string pending_;
  bool ended_ = false;
};

}  // namespace qreason
