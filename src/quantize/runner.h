// Runs a recipe in phases. Exact passes become views, one over the other; a statistics pass walks the blocks of the
// view that it finds; all block passes together make the last walk, one block after the other, and what is written
// comes from the last view and from what they put in place. Two blocks of weights are resident: the float one, and what
// replaces it or, on the walks, computes with it.
//
// A finished block is in the sink, with a line in the journal, before the next one begins; a statistics pass's numbers
// are in its lines. A killed run goes on where the last whole block ended, to the same bytes: views are made again, and
// hidden states are computed again with the blocks that are finished.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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
  // Where calibration runs the blocks (quantize/walked_block.h): a device of libtorch's, else the executor's kernels.
  std::optional<at::Device> device = std::nullopt;
  ProgressListener& listener = no_listener();  // hears of a task a phase: the statistics pass's kind, or "quantize"
  std::vector<double> expected_seconds{};      // of the phases (QuantizeCost::phase_seconds); empty: unknown
};

// What the folder's journal says: nothing yet, an unfinished run of this very job, or one of another job.
enum class JournalState { kNew, kSameJob, kOtherJob };
JournalState journal_state(const QuantizeJob& job);

// Returns report.json. A journal of another recipe, model or calibration set is an Error that says so.
OrderedJson run_recipe(const QuantizeJob& job, Executor& executor);

// The names of a block's part, and of those with what is outside of the blocks: embedding and last norm, the head.
std::string block_part(std::int64_t layer);
inline constexpr const char* kOutsidePart = "outside";
inline constexpr const char* kHeadPart = "head";
inline constexpr const char* kRunJournal = "progress.jsonl";

}  // namespace qreason
