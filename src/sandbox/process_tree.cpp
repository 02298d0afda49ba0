#include "sandbox/process_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace qreason {
namespace {

// The beginning of a small file of /proc; empty when the process is gone.
std::string proc_text(const std::string& path) {
  std::string text;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return text;
  char block[4096];
  for (ssize_t count = 0; (count = ::read(descriptor, block, sizeof block)) > 0 && text.size() < (1U << 20);)
    text.append(block, static_cast<std::size_t>(count));
  ::close(descriptor);
  return text;
}

std::uint64_t number_at(std::string_view text) {
  const std::size_t first = text.find_first_of("0123456789");
  std::uint64_t number = 0;
  if (first != std::string_view::npos) std::from_chars(text.data() + first, text.data() + text.size(), number);
  return number;
}

// The number of kB behind a name of /proc/PID/status.
std::uint64_t status_bytes(std::string_view status, std::string_view name) {
  const std::size_t found = status.find(name);
  return found == std::string_view::npos ? 0 : number_at(status.substr(found + name.size())) * 1024;
}

// Fields 14 to 17 of /proc/PID/stat (times of itself and of children that it has waited for) and field 20 (threads).
void add_times(std::string_view stat, TreeUsage& usage) {
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return;
  std::string_view rest = stat.substr(name_end + 1);
  for (int field = 3; field <= 20 && !rest.empty(); ++field) {
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    if (field >= 14 && field <= 17) usage.cpu_seconds += static_cast<double>(number_at(word)) / ticks;
    if (field == 20) usage.tasks += static_cast<std::int64_t>(number_at(word));
  }
}

void add_children(const std::string& folder, std::vector<pid_t>& queue) {
  std::error_code gone;
  for (std::filesystem::directory_iterator task(folder + "/task", gone), end; !gone && task != end;
       task.increment(gone)) {
    const std::string children = proc_text(task->path().string() + "/children");
    for (std::string_view rest = children; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      if (!word.empty()) queue.push_back(static_cast<pid_t>(number_at(word)));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
  }
}

}  // namespace

TreeUsage measure_tree(pid_t root) {
  constexpr std::size_t kMost = 100000;
  TreeUsage usage;
  std::vector<pid_t> queue{root};
  for (std::size_t i = 0; i < queue.size() && i < kMost; ++i) {
    const std::string folder = fmt::format("/proc/{}", queue[i]);
    const std::string status = proc_text(folder + "/status");
    for (const char* name : {"RssAnon:", "RssShmem:", "VmSwap:"}) usage.memory_bytes += status_bytes(status, name);
    add_times(proc_text(folder + "/stat"), usage);
    add_children(folder, queue);
  }
  return usage;
}

}  // namespace qreason
