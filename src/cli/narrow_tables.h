// A study's tables for a terminal: model by model, the columns that decide, no line wider than asked for where names
// allow. Everything else stands in the wide form (study/table.h) and in the files.
#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"
#include "study/table.h"

namespace qreason {

// One table of all tasks (more than one where the tasks do not fit), then for accuracy one a task: accuracy and
// difference with their 95 % intervals, p and output tokens.
std::string narrow_tables(const StudyTable& table, std::size_t columns);

// Of a study's measures ([{"model", "method", "perplexity", "kl_mean", ...}]); empty without rows.
std::string narrow_measures(const OrderedJson& measures, std::size_t columns);

}  // namespace qreason
