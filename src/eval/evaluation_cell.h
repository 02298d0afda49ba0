// One file of answers while it is made: what is there already, its journal, and the finished file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/journal.h"
#include "eval/evaluate.h"
#include "eval/grading_queue.h"

namespace qreason {

// The journal beside a file while that is made.
std::filesystem::path partial_path(std::filesystem::path file);

// Identifies what was asked, before it is posed: ids, questions, golds and wrong answers in order.
std::string dataset_hash(const Dataset& dataset);

// What the file of a cell says of its run. `dataset_sha256` is that of cell.dataset.
ResultHeader cell_header(const EvaluationCell& cell, const EvaluationOptions& options, const OrderedJson& provenance,
                         const std::string& dataset_sha256);

// The headers of the cell's finished file and of its journal, where they are there. Errors: what is neither.
struct EarlierRun {
  std::filesystem::path path;
  ResultHeader header;
};
std::vector<EarlierRun> earlier_runs(const EvaluationCell& cell);

// An Error that names file and difference where the header found there is not that of the run.
void require_same_run(const EarlierRun& found, const ResultHeader& wanted);

// Begins closed, without an open file and without answers in memory, so that there may be thousands. open() locks the
// journal and reads it; once every problem has an answer, finish() writes the file in the order of the problems and
// closes again.
class EvaluationRun {
 public:
  // Looks at what is there. The file or journal of another run is an Error, or is replaced: the file when the new one
  // is finished, so that a kill leaves the old one, the journal when this run opens it. Its own journal beside a
  // finished file, which a kill in the last moment leaves, goes.
  EvaluationRun(const EvaluationCell& cell, ResultHeader header, IfExists if_different);

  bool finished() const { return finished_; }
  std::int64_t answered() const { return summary_.count; }
  const EvaluationCell& cell() const { return *cell_; }
  const CellSummary& summary() const { return summary_; }

  void open();
  const std::vector<Problem>& problems() const;  // as this run asks them; while open
  std::vector<std::size_t> unanswered() const;   // problems, in order
  AnswerRecord record(std::size_t problem, GradedCompletion graded);
  // Whether the file is finished now.
  bool finish();

 private:
  bool take_finished();
  bool take_lines(const std::vector<std::string>& lines);
  void take(AnswerRecord answer, const std::string& where);
  void count(const AnswerRecord& answer);
  void forget_answers();

  const EvaluationCell* cell_;
  ResultHeader header_;
  IfExists if_different_;
  std::vector<Problem> posed_;                                // of a task that poses them; while open
  std::map<std::string, std::size_t, std::less<>> index_of_;  // of problems, by id; while open
  std::map<std::size_t, AnswerRecord> answers_;               // while open
  std::unique_ptr<Journal> journal_;
  CellSummary summary_;
  bool finished_ = false;
};

}  // namespace qreason
