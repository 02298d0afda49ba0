#include "tokenizer/jinja/runtime.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason::jinja {

void Runtime::fail(const std::string& got, const std::string& expected) const {
  throw Error(fmt::format("chat template, line {}", line_), got, expected);
}

}  // namespace qreason::jinja
