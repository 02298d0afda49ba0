#include "base/renaming.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

Error failed(const fs::path& from, const fs::path& to, int code) {
  return Error(to.string(), fmt::format("renaming {} to it failed: {}", from.string(), std::strerror(code)));
}

bool is_missing_call(int code) {
  return code == EINVAL || code == ENOSYS || code == ENOTSUP || code == EOPNOTSUPP;
}

}  // namespace

void rename_to_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (!is_missing_call(errno)) throw failed(from, to, errno);
  std::error_code failure;
  if (fs::exists(fs::symlink_status(to, failure))) throw failed(from, to, EEXIST);
  if (::rename(from.c_str(), to.c_str()) != 0) throw failed(from, to, errno);
}

bool exchange_names(const fs::path& a, const fs::path& b) {
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (!is_missing_call(errno)) throw failed(a, b, errno);
  return false;
}

}  // namespace qreason
