// GPQA-Diamond (evaluation.md section 2): a question, four choices in an order drawn from the shuffle seed, the letter
// of the right one as gold.
#pragma once

#include "eval/task.h"

namespace qreason {

// The right answer of row r goes to the place that the r-th randint(0, 3) of Python's random.Random(shuffle seed) says;
// the wrong ones keep their order around it. Choices are written as the data set has them, white space included.
Task gpqa_diamond_task();

}  // namespace qreason
