// Grades answers that are programs.
#pragma once

#include "eval/graders/grade.h"

namespace qreason {

struct CodeGrading {
  double seconds = 6;  // of processor time, for one test
  int workers = 0;     // sandboxes at once; 0: as many as cores
};

// A grader and its explainer that share their sandboxes. The problem is one of data/code_dataset.h; what is extracted
// is the program. Errors: a row that cannot be read, no sandbox.
struct CodeGraders {
  Grader grader;
  Explainer explainer;
};
CodeGraders code_graders(const CodeGrading& grading);

// An Error where no sandbox can be started, so that it is known before hours of generation.
void require_sandbox();

}  // namespace qreason
