// What the common options mean to commands that run a model or write a file.
#pragma once

#include <string>

#include "base/output_path.h"
#include "cli/command.h"
#include "model/block.h"

namespace qreason {

// Of --dtype. float16 is an Error: no kernel of the CPU computes with it.
ComputeType compute_type(const CommonOptions& common);

// What --force allows.
IfExists if_exists(const CommonOptions& common);

}  // namespace qreason
