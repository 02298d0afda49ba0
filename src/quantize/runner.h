// Runs a recipe: walks the blocks with two blocks of weights resident (the float one and what replaces it), puts every
// finished block into the sink and a line into the journal, and goes on after a kill where the last whole block ended,
// to the same bytes: a resumed run computes the hidden states again with the blocks that are finished.
#pragma once

#include <filesystem>
#include <string>

#include "base/json.h"
#include "base/progress.h"
#include "kernels/executor.h"
#include "quantize/block_sink.h"
#include "quantize/calibration_set.h"
#include "quantize/recipe.h"

namespace qreason {

struct QuantizeJob {
  const WeightSource& source;  // a float model
  const Recipe& recipe;
  const CalibrationSet* calibration = nullptr;  // null when the recipe needs none
  BlockSink& sink;
  std::filesystem::path folder;  // of the journal and of activations that do not fit into memory
  std::string model_identity;    // two models must not share one journal
  std::uint64_t activation_memory = std::uint64_t{2} << 30;
  ProgressListener& listener = no_listener();
};

// What the folder's journal says: nothing yet, an unfinished run of this very job, or one of another job.
enum class JournalState { kNew, kSameJob, kOtherJob };
JournalState journal_state(const QuantizeJob& job);

// Returns report.json. A journal of another recipe, model or calibration set is an Error that says so.
OrderedJson run_recipe(const QuantizeJob& job, Executor& executor);

// The name of a block's part, and of the part with everything outside of the blocks.
std::string block_part(std::int64_t layer);
inline constexpr const char* kOutsidePart = "outside";
inline constexpr const char* kRunJournal = "progress.jsonl";

}  // namespace qreason
