// Which other programs serve a checkpoint, by rules of its format (checkpoint_formats.md, sections 0 and 4). What a
// rule says was read in the programs' loaders or seen; none is asked.
#pragma once

#include <string>
#include <vector>

#include "model/plan.h"

namespace qreason {

// Names of programs, each with what it needs in brackets where it needs something. `format` is Checkpoint::format().
// Empty: no other program.
std::vector<std::string> served_by(const std::string& format, const ModelPlan& plan);

}  // namespace qreason
