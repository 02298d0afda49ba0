#include "base/error.h"

#include <utility>

namespace qreason {

Error::Error(std::string where, std::string got, std::string expected, ErrorKind kind)
    : where_(std::move(where)), kind_(kind) {
  message_ = where_ + ": " + got;
  if (!expected.empty()) message_ += ", expected " + expected;
}

Error Error::usage(std::string where, std::string got, std::string expected) {
  return Error(std::move(where), std::move(got), std::move(expected), ErrorKind::kUsage);
}

}  // namespace qreason
