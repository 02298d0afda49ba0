#include "cli/text_input.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "data/utf8.h"

namespace qreason {
namespace {

std::string read_standard_input(std::uint64_t limit) {
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    check_interrupt();
    if (text.size() + count > limit) {
      throw Error(text_input_name("-"), fmt::format("more than {} bytes", limit), "a shorter text");
    }
    text.append(buffer.data(), count);
  }
  check_interrupt();  // which ends the read, too
  if (std::ferror(stdin) != 0)
    throw Error(text_input_name("-"), fmt::format("reading failed: {}", std::strerror(errno)));
  return text;
}

}  // namespace

std::string text_input_name(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

std::string read_text_input(const std::string& path, std::uint64_t limit) {
  std::string text = path == "-" ? read_standard_input(limit) : read_text_file(path, limit);
  require_utf8(text, text_input_name(path));
  return text;
}

}  // namespace qreason
