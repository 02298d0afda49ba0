// `qreason pull`: from the hub into the store (cli/hub_store.h), complete or absent, resumable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/output_path.h"
#include "base/progress.h"
#include "net/hub.h"

namespace qreason {

struct PullOptions {
  HubAccess access;
  IfExists if_exists = IfExists::kError;  // kReplace: what is there is fetched anew
  RetryPolicy policy = {};
  ProgressListener* progress = &no_listener();
};

struct Pulled {
  HubReference reference;
  std::string commit;
  std::filesystem::path path;  // the model's folder, or a file
  std::vector<HubFile> files;
  bool was_there = false;  // nothing was asked for but the list
};

inline constexpr const char* kPullRecord = "qreason_pull.json";  // beside a model's files: where they are from

// What qreason reads of a model: configuration, tokenizer, chat template, generation settings, licence, and the
// safetensors that it opens. Errors: a repository without these; one that is there already from another commit
// (kError).
Pulled pull_model(const HubReference& reference, const PullOptions& options);

// One .gguf file, by its name in the repository.
Pulled pull_gguf(const HubReference& reference, const std::string& file, const PullOptions& options);

// A data set of the registry (data/dataset.h) or a calibration text, by name, or the .toml file of a user's task whose
// source is a hub (eval/task_definition.h). An empty `hub_file` of the registry is the one file of a repository that
// holds rows.
Pulled pull_data(const std::string& name, const PullOptions& options);
std::vector<std::string> pullable_data();  // the names

// The parts that these share. What is asked again is told.
Hub hub_of(const PullOptions& options);
// `find_file`: the one entry of that name. Errors: none, two.
const HubFile& find_file(const HubListing& listing, const std::string& name, const std::string& where);
// Before bytes are asked for. Error: fewer are free where `folder` is.
void require_disk(const std::filesystem::path& folder, std::uint64_t bytes, const std::string& what);
// One file into a place of its own, where an equal one stays.
Pulled pull_single(const Hub& hub, HttpClient& client, const HubReference& reference, const HubListing& listing,
                   const HubFile& file, const std::filesystem::path& target, const PullOptions& options);

}  // namespace qreason
