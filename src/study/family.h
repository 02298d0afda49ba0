// What of a table takes all of its rows: p-values adjusted for how many there are, and how much is enough.
#pragma once

#include "study/table.h"

namespace qreason {

// p_holm and p_benjamini_hochberg of every comparison. A family is all (method, task) of one model; composites repeat
// its tasks and are families of their own, all methods of one model at one composite.
void adjust_families(StudyTable& table);

// StudyTable::power of every task.
void reckon_power(StudyTable& table);

}  // namespace qreason
