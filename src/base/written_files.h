// What this process writes below a folder, told to whoever keeps the list of it.
//
// A folder in the making must be told from what people put into it, after a kill as well, so its list has to have a
// name before the file is there. Whatever creates files (StreamedFile, Journal, downloads, links) tells it here;
// outside of the folders that somebody listens for this does nothing.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace qreason {

// Before the file is made. `file` as the folder was given, with more behind it.
void tell_written(const std::filesystem::path& file);

// Hears of files below `folder` while it lives: the name relative to it. Calls come from any thread, one at a time.
class WrittenFiles {
 public:
  using Listener = std::function<void(const std::string& name)>;
  WrittenFiles(const std::filesystem::path& folder, Listener listener);
  ~WrittenFiles();
  WrittenFiles(const WrittenFiles&) = delete;
  WrittenFiles& operator=(const WrittenFiles&) = delete;

 private:
  friend void tell_written(const std::filesystem::path& file);
  std::string prefix_;
  Listener listener_;
};

}  // namespace qreason
