// What the common options mean to commands that run a model or write a file.
#pragma once

#include <string>

#include "base/output_path.h"
#include "cli/command.h"
#include "model/linear.h"

namespace qreason {

// Of --dtype, and of a study's `dtype`.
ComputeType compute_type(const std::string& dtype);

// What --force allows.
IfExists if_exists(const CommonOptions& common);

}  // namespace qreason
