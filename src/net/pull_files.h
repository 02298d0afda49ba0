// Several files of a hub's repository at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/progress.h"
#include "net/download.h"
#include "net/hub.h"

namespace qreason {

struct PulledFile {
  HubFile file;                  // its size and hash are known
  std::filesystem::path target;  // not there yet
};

// Bytes that are still to come, what earlier runs left taken off.
std::uint64_t missing_bytes(const std::vector<PulledFile>& files);

// Downloads all (net/download.h), some at a time, the smallest first. The first failure ends the others and is thrown,
// explained as Hub::explained() does; what is there by then stays for the next run.
void pull_files(const Hub& hub, const HubReference& reference, const std::string& commit,
                const std::vector<PulledFile>& files, const RetryPolicy& policy, ProgressListener& progress);

}  // namespace qreason
