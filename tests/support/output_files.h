// What a command left below a folder, without what says how long it took.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/file.h"

namespace qreason::testing {

inline std::map<std::string, std::string> comparable_files(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == "report.json") continue;
    std::string content = read_text_file(entry.path());
    for (std::size_t at; (at = content.find(",\"timing\"")) != std::string::npos;)
      content.erase(at, content.find('\n', at) - at);
    files[std::filesystem::relative(entry.path(), folder).string()] = std::move(content);
  }
  return files;
}

}  // namespace qreason::testing
