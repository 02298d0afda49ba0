#include "base/error.h"

#include <utility>

#include "base/utf8.h"

namespace qreason {

Error::Error(std::string where, std::string got, std::string expected, ErrorKind kind)
    : where_(std::move(where)), kind_(kind) {
  message_ = escaped(where_ + ": " + got);
  if (!expected.empty()) message_ += ", expected " + escaped(expected);
}

Error Error::usage(std::string where, std::string got, std::string expected) {
  return Error(std::move(where), std::move(got), std::move(expected), ErrorKind::kUsage);
}

Error Error::inside(const std::string& where, const Error& error) {
  if (error.kind_ == ErrorKind::kInterrupted) return error;
  Error named = error;
  named.where_ = where + ": " + error.where_;
  named.message_ = escaped(where + ": ") + error.message_;
  return named;
}

}  // namespace qreason
