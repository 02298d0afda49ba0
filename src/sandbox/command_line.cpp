#include "sandbox/command_line.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <initializer_list>

#include "base/error.h"
#include "base/json.h"
#include "sandbox/server.h"

namespace qreason {
namespace fs = std::filesystem;
namespace {

using Words = std::vector<std::string>;

constexpr const char* kPackages = "/packages";  // as programs find it

fs::path python() {
  for (const char* path : {"/usr/bin/python3", "/usr/local/bin/python3"}) {
    std::error_code none;
    const fs::path real = fs::canonical(path, none);
    if (!none) return real;
  }
  throw Error("the sandbox", "no /usr/bin/python3", "Python 3.9 or later there");
}

// Since Linux 5.14 a user namespace counts its own processes; before, the limit would be the whole user's.
bool counts_by_namespace() {
  utsname name{};
  int major = 0, minor = 0;
  return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 5 || (major == 5 && minor >= 14));
}

OrderedJson limits_json(const SandboxLimits& limits) {
  // Address space is no memory: stacks and arenas reserve it. What is resident is measured from outside.
  return {{"cpu_seconds", static_cast<std::int64_t>(std::ceil(limits.cpu_seconds))},
          {"address_bytes", 2 * limits.memory_bytes + (1LL << 30)},
          {"disk_bytes", limits.disk_bytes},
          {"processes", counts_by_namespace() ? limits.processes : 0},
          {"scratch", "/tmp"},
          {"sandboxed", true}};
}

void add(Words& words, std::initializer_list<std::string> more) {
  words.insert(words.end(), more);
}

void add_change_of_user(Words& words) {
  if (::geteuid() != 0) return;
  add(words, {"setpriv", fmt::format("--reuid={}", kNobody), fmt::format("--regid={}", kNobody), "--clear-groups",
              "--inh-caps=-all"});
}

void add_server(Words& words, const fs::path& interpreter, const OrderedJson& limits, std::string_view prelude) {
  add(words, {interpreter, "-s", "-B", "-X", "utf8", "-c", std::string(sandbox_server()), limits.dump(),
              std::string(prelude)});
}

// Python, its library and the C libraries, where the host has them; links stay links.
void add_root(Words& words, const fs::path& interpreter) {
  const fs::path prefix = interpreter.parent_path().parent_path();
  add(words, {"--ro-bind", interpreter, interpreter});
  const fs::path library = prefix / "lib" / interpreter.filename();
  add(words, {"--ro-bind", library, library});
  if (prefix != "/usr") add(words, {"--ro-bind", prefix / "lib", prefix / "lib"});
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"})
    add(words, {"--ro-bind-try", folder, folder});
  for (const char* folder : {"/lib", "/lib64"}) {
    std::error_code none;
    if (fs::is_symlink(folder, none))
      add(words, {"--symlink", fs::read_symlink(folder), folder});
    else if (fs::is_directory(folder, none))
      add(words, {"--ro-bind", folder, folder});
  }
}

}  // namespace

Words sandboxed_command(const SandboxLimits& limits, std::string_view prelude, int filter, const fs::path& packages) {
  const std::string nobody = fmt::format("{}", kNobody);
  Words words;
  add_change_of_user(words);
  add(words, {"bwrap", "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts",
              "--unshare-cgroup-try", "--disable-userns", "--uid", nobody, "--gid", nobody, "--hostname", "sandbox",
              "--as-pid-1", "--new-session", "--cap-drop", "ALL"});
  const fs::path interpreter = python();
  add_root(words, interpreter);
  if (!packages.empty()) add(words, {"--ro-bind", packages, kPackages});
  add(words, {"--dir", "/etc", "--dir", "/proc"});
  for (const char* device : {"/dev/null", "/dev/random", "/dev/urandom"}) add(words, {"--dev-bind", device, device});
  add(words, {"--symlink", "/tmp", "/dev/shm", "--symlink", "/tmp/stdin", "/dev/stdin"});
  add(words, {"--size", fmt::format("{}", limits.disk_bytes), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp",
              "--clearenv"});
  for (const std::string& setting : server_environment("/tmp")) {
    const std::size_t equals = setting.find('=');
    add(words, {"--setenv", setting.substr(0, equals), setting.substr(equals + 1)});
  }
  add(words, {"--seccomp", fmt::format("{}", filter), "--"});
  OrderedJson json = limits_json(limits);
  json["packages"] = packages.empty() ? "" : kPackages;
  add_server(words, interpreter, json, prelude);
  return words;
}

Words bare_command(const SandboxLimits& limits, std::string_view prelude, const fs::path& scratch,
                   const fs::path& packages) {
  OrderedJson json = limits_json(limits);
  json["processes"] = 0;  // the limit would be the whole user's
  json["scratch"] = scratch.string();
  json["sandboxed"] = false;
  json["packages"] = packages.string();
  Words words;
  add_change_of_user(words);
  add_server(words, python(), json, prelude);
  return words;
}

Words server_environment(const fs::path& scratch) {
  return {"HOME=" + scratch.string(), "TMPDIR=" + scratch.string(), "LANG=C.UTF-8",
          "PYTHONHASHSEED=0",         "OMP_NUM_THREADS=1",          "OPENBLAS_NUM_THREADS=1"};
}

}  // namespace qreason
