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

}  // namespace qreason
