// Asks, grades and records: every problem of every cell once, through one generator, resumable at any byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/output_path.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "eval/answer_form.h"
#include "eval/generator.h"
#include "eval/task.h"

namespace qreason {

// One file of results, or of traces, to make.
struct EvaluationCell {
  const Task* task = nullptr;
  const Dataset* dataset = nullptr;  // already shuffled and limited; not posed
  std::uint64_t seed = 42;
  std::filesystem::path file;  // the finished file; `.partial` beside it while it is made
  const AnswerForm* form = &result_form();
  std::optional<std::uint64_t> shuffle_seed = {};  // of a task that poses its problems; `seed` where it is not said
};

struct EvaluationOptions {
  std::string model;  // for the headers
  std::string method;
  std::optional<std::int64_t> limit;         // what --limit said; recorded
  std::string activity = "evaluate";         // for the progress line
  IfExists if_different = IfExists::kError;  // files of another run
  ProgressListener& listener = no_listener();
};

struct CellSummary {
  std::filesystem::path file;
  std::string task;
  std::uint64_t seed = 0;
  std::int64_t count = 0;
  std::int64_t correct = 0;
  std::int64_t truncated = 0;
  std::int64_t output_tokens = 0;  // of the answers whose count is known
  std::int64_t counted = 0;        // these answers
  std::int64_t generated_now = 0;  // answers that this run generated; the others were there
};

// Cells are submitted together, so that they share batches (as many at once as the process may open files). Grading
// runs beside decoding. Finished files of the same run are kept; a file whose header says something else is an Error
// that names the difference, or replaced when the new one is finished. Answers in a partial file are kept; Errors and
// interrupts leave it resumable, with all that was generated. An answer of no token, for which its prompt left no room,
// is told to the listener by file and problem and counts as truncated.
std::vector<CellSummary> evaluate(Generator& generator, const std::vector<EvaluationCell>& cells,
                                  const EvaluationOptions& options);

// Whether there is nothing left to do for this file (whatever its header says): it is there, and its `.partial`, which
// a kill in the last moment leaves, is not.
bool is_finished(const std::filesystem::path& file);

}  // namespace qreason
