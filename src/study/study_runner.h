// Runs a study's grid, each (model, method): quantize, measure, evaluate; one after another or, where models are small,
// several side by side, with the same bytes; then the tables. What is finished is kept, so the same call goes on after
// a kill. A shard runs a part of the grid in a folder of its own; merging brings shards together.
//
//   OUT/models/<model>/                   models with outliers, OUT/models/<model>.json how they were made
//   OUT/models/<model>-<method>/          quantized checkpoints, OUT/models/<model>-<method>.json how they were made
//   OUT/measures/<model>-<method>.json    perplexity and divergence
//   OUT/results/<model>-<method>-seed<s>/<task>.jsonl
//   OUT/table.md, table.csv, table.json
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/output_path.h"
#include "base/progress.h"
#include "study/study_shard.h"
#include "study/study_spec.h"
#include "study/table.h"

namespace qreason {

// One (model, method) of the grid.
struct StudyCell {
  const StudyModel* model = nullptr;
  std::string reference;  // the unquantized model: the study's MODEL, or the folder of the one that it gives outliers
  std::string method;
  StudyMethod quantization;          // what the method's name means
  std::filesystem::path checkpoint;  // the quantized model; empty for the unquantized one and for what a server serves
  std::filesystem::path results;     // folder of the result files
  std::string run_name() const { return model->name + "-" + method; }
  std::string weights_name() const { return model->weights + "-" + method; }  // what rows of other budgets share
  bool baseline() const { return checkpoint.empty(); }
};

enum class StudyStep : std::uint8_t { kOutliers, kQuantize, kMeasure, kEvaluate };

// What the command line brings: models.
class StudyWorker {
 public:
  virtual ~StudyWorker() = default;
  // An Error when `reference` is not there or the model cannot be run as asked: for every model with work left, before
  // any work. (A server is asked when its turn comes.)
  virtual void require(const StudyModel& model, const std::string& reference) = 0;
  // An Error where a step that is left cannot be done as asked, as far as files tell (methods, data, texts): for all of
  // them, before the first.
  virtual void require_step(StudyStep /*step*/, const StudyCell& /*cell*/) {}
  // Makes a model with outliers, complete or absent, at `folder`.
  virtual void make_outliers(const StudyModel& model, const std::filesystem::path& folder) = 0;
  // Makes cell.checkpoint, complete or absent, resumable. Called when it is absent.
  virtual void quantize(const StudyCell& cell) = 0;
  // {"perplexity", "tokens", and for quantized models "kl_mean", "kl_p99", "same_top1"}.
  virtual OrderedJson measure(const StudyCell& cell) = 0;
  // What measurements record of the device, as headers of results do: {"kind", "batch_invariant"}; null: the processor.
  // Those of one are not taken for another's.
  virtual OrderedJson device() const { return nullptr; }
  // Makes the cell's result files, resumable; finished ones are kept.
  virtual void evaluate(const StudyCell& cell) = 0;
  // What evaluate() finds not done in the cell's results: a file that is not there, or one of other settings; nullopt:
  // nothing.
  struct Open {
    std::string what;  // with the file's name
    enum class Kind : std::uint8_t { kAbsent, kOther } kind;
  };
  virtual std::optional<Open> open_results(const StudyCell& cell) = 0;

  // How many of these cells should be worked on side by side: 1 where one keeps the machine busy.
  virtual int side_by_side(const std::vector<const StudyCell*>& /*cells*/) { return 1; }
  // A worker for the thread that calls, which is one of `jobs`; it goes before that thread ends.
  virtual std::unique_ptr<StudyWorker> beside(int jobs) = 0;
};

struct StudyOptions {
  std::filesystem::path folder;
  IfExists if_different = IfExists::kError;    // checkpoints made with other settings, with their results
  ProgressListener& listener = no_listener();  // is told of every step
  StudyShard shard = {};                       // of several: only its cells are run, and no tables written
  std::vector<std::filesystem::path> merged =
      {};        // folders of shards, whose work is all that is left to bring together
  int jobs = 0;  // cells side by side; 0: as many as the worker says
};

struct StudyOutcome {
  StudyTable table;      // accuracy; empty when the study has no tasks
  OrderedJson measures;  // [{"model", "method", ...}]
  std::vector<std::filesystem::path> files;
  std::string markdown;  // what table.md holds
  std::string summary;   // the same without single seeds, for a terminal
};

StudyOutcome run_study(const StudySpec& spec, const StudyOptions& options, StudyWorker& worker);

// "Agreement with the unquantized model": one row a (model, method); empty without rows.
std::string measures_markdown(const OrderedJson& measures);

}  // namespace qreason
