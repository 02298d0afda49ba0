// What the common options mean to commands that run a model or write a file.
#pragma once

#include <filesystem>
#include <string>

#include "cli/command.h"
#include "model/block.h"

namespace qreason {

// Of --dtype. float16 is an Error: no kernel of the CPU computes with it.
ComputeType compute_type(const CommonOptions& common);

// An Error when `path` exists and --force was not given.
void require_new_file(const std::filesystem::path& path, const CommonOptions& common);

}  // namespace qreason
