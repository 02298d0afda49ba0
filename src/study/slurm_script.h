// A study as an array of jobs for Slurm: what `qreason study --slurm` prints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace qreason {

struct SlurmStudy {
  std::string name;
  std::string program;               // the path of qreason on the nodes
  std::vector<std::string> command;  // behind it: "study", the file, its options; without -o and --shards
  std::filesystem::path folder;      // of the merged study, on a file system that all nodes share
  std::int64_t shards = 1;
};

// Each task of the array runs one shard into FOLDER-shards/K; the task that finishes last merges all into FOLDER. A
// task that was killed or requeued goes on. Every word is quoted for the shell.
std::string slurm_script(const SlurmStudy& study);

}  // namespace qreason
