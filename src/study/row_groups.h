// The runs of a table's rows, grouped by task and aligned by problem.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eval/composite.h"
#include "eval/graders/thinking.h"
#include "study/baseline.h"
#include "study/collect.h"
#include "study/seed_group.h"

namespace qreason {

using TaskGroups = std::map<std::string, SeedGroup>;
using RowGroups = std::map<RowKey, TaskGroups>;

// Answers are compared (SeedGroup::candidates) where all runs of a group know theirs.
RowGroups group_rows(const std::vector<StudyRun>& runs, UnfinishedThoughts unfinished);

// The problems of all parts as one set, over the seeds that all of them have, where that has the composite's weights
// (every problem the same): what can be compared like a task.
std::optional<SeedGroup> pooled_group(const Composite& composite, const TaskGroups& groups);

// Of a task, or of such a composite; nullopt where it was not run.
std::optional<SeedGroup> group_of(const TaskGroups& groups, const std::string& task);

}  // namespace qreason
