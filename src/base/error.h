// The one exception type of the project.
//
// A failure is told in one line (bytes of a file that are no text stand escaped, base/utf8.h): which file or option,
// what was got, what was expected. Library code throws; the command line prints and chooses the code (1, 2, 130).
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
  // A failure inside of `where`: its line behind that name. Interrupts stay what they are.
  static Error inside(const std::string& where, const Error& error);

  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& where() const { return where_; }
  ErrorKind kind() const { return kind_; }

 private:
  std::string where_;
  std::string message_;
  ErrorKind kind_;
};

}  // namespace qreason
