// The one exception type of the project.
//
// A failure is told in one line: which file, expression or option (`where`), what was got, what was expected. Library
// code throws; only the command line prints and chooses an exit code (failed 1, usage 2, interrupted 130).
#pragma once

#include <exception>
#include <string>

namespace qreason {

enum class ErrorKind { kFailed, kUsage, kInterrupted };

class Error : public std::exception {
 public:
  // `where` names a file, tensor, option or expression; `expected` may be empty when `got` says it all.
  Error(std::string where, std::string got, std::string expected = "", ErrorKind kind = ErrorKind::kFailed);

  static Error usage(std::string where, std::string got, std::string expected = "");

  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& where() const { return where_; }
  ErrorKind kind() const { return kind_; }

 private:
  std::string where_;
  std::string message_;
  ErrorKind kind_;
};

}  // namespace qreason
