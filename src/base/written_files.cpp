#include "base/written_files.h"

#include <mutex>
#include <utility>
#include <vector>

namespace qreason {
namespace {

struct Folders {
  std::mutex mutex;
  std::vector<const WrittenFiles*> listening;
};

Folders& folders() {
  static Folders all;
  return all;
}

}  // namespace

void tell_written(const std::filesystem::path& file) {
  const std::string path = file.lexically_normal().string();
  const std::lock_guard lock(folders().mutex);
  for (const WrittenFiles* folder : folders().listening)
    if (path.starts_with(folder->prefix_)) folder->listener_(path.substr(folder->prefix_.size()));
}

WrittenFiles::WrittenFiles(const std::filesystem::path& folder, Listener listener)
    : prefix_((folder / "").lexically_normal().string()), listener_(std::move(listener)) {
  const std::lock_guard lock(folders().mutex);
  folders().listening.push_back(this);
}

WrittenFiles::~WrittenFiles() {
  const std::lock_guard lock(folders().mutex);
  std::erase(folders().listening, this);
}

}  // namespace qreason
