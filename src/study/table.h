// The study's tables: methods by tasks over seeds, with intervals and paired tests against the unquantized model.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "eval/graders/thinking.h"
#include "study/at_k.h"
#include "study/baseline.h"
#include "study/collect.h"
#include "study/composite_statistics.h"
#include "study/published_results.h"
#include "study/statistics.h"

namespace qreason {

enum class Metric { kAccuracy, kSteps, kTokens };  // percent; "\n\n"-separated pieces; output tokens
Metric parse_metric(const std::string& text);
std::string_view name_of(Metric metric);
UnfinishedThoughts parse_unfinished(const std::string& text);  // "as-they-stand", "wrong"
std::string_view name_of(UnfinishedThoughts unfinished);

struct PublishedCell {
  SeedMean published;  // percent
  PublishedDifference difference;
};

struct TableCell {
  Spread value;  // of the metric, over seeds
  std::map<std::uint64_t, double> per_seed;
  std::int64_t problems = 0;
  std::optional<Interval> ci95;           // accuracy only; percent
  std::optional<double> tokens;           // mean output tokens
  std::optional<double> truncation_rate;  // fraction
  std::optional<double> unfinished_rate;  // fraction of thoughts that do not come to an end
  // Accuracy with these counted as they stand, and as wrong; percent. One of them is `value`.
  std::optional<double> as_they_stand, finished_only;
  std::optional<double> looping_rate;  // fraction of answers
  // Fraction of answers that are wrong while their thought, which came to an end, is right by itself.
  std::optional<double> right_in_thought_rate;
  std::optional<double> seed_disagreement;
  std::vector<AtK> at_k;  // where it was asked for
  std::optional<PairStatistics> against_baseline;
  // Instead, of a composite whose problems do not weigh the same (Avg.), and what of the baseline it is, in percent.
  std::optional<CompositeDifference> weighted;
  std::optional<double> weighted_recovery;
  std::optional<double> p_holm, p_benjamini_hochberg;  // study/family.h
  std::optional<PublishedCell> published;              // where add_published() was asked and found one
  std::string not_compared;  // why not, in a few words; empty for the baseline and for what was compared
};

struct TableRow {
  std::string model, method;
  std::optional<RowKey> compared_with;     // nullopt: a baseline itself, or there is none
  std::map<std::string, TableCell> cells;  // by task; absent: nothing was run
};

// What it takes to find a difference of one point from the baseline at a task (study/power.h), by the spread of the
// differences that were seen: the median of all rows.
struct TaskPower {
  double variance = 0;      // of one problem's difference
  std::int64_t seeds = 0;   // that the differences are means over
  std::int64_t needed = 0;  // problems for one point, with as many seeds
  std::int64_t problems = 0;
  double detectable = 0;  // what these find; points
};
inline constexpr double kPower = 0.8;

struct StudyTable {
  Metric metric = Metric::kAccuracy;
  UnfinishedThoughts unfinished = UnfinishedThoughts::kAsTheyStand;
  std::string baseline;                    // as named; empty: the unquantized model
  std::vector<std::int64_t> at_k;          // of which k pass@k and maj@k were asked for
  std::vector<std::string> tasks;          // columns; the composites AIME-120 and Avg. where all their parts are
  std::vector<std::uint64_t> seeds;        // of any run
  std::vector<TableRow> rows;              // by model, the unquantized one first
  std::map<std::string, TaskPower> power;  // by task; absent where nothing was compared or nothing differs
  bool published = false;                  // whether add_published() was asked
  std::vector<std::string> notes;  // what could not be compared and why; runs that should not stand side by side
};

struct TableOptions {
  Metric metric = Metric::kAccuracy;
  UnfinishedThoughts unfinished = UnfinishedThoughts::kAsTheyStand;
  std::vector<std::string> models, methods;  // their order; what is not named follows by name
  std::string baseline;                      // what the others are compared with; empty: by provenance
  std::vector<std::int64_t> at_k = {};       // pass@k and maj@k of accuracies (study/at_k.h), for these k
};
// Without a named baseline, a row is compared with the unquantized model whose hash is that of the model it was
// quantized from (of several, the one of its dtype and name); where provenance names none, with the unquantized model
// of its name. A name means the row MODEL-METHOD, the only row of model MODEL, or of each model the row of METHOD; one
// that no row has is a usage Error.
StudyTable make_table(const std::vector<StudyRun>& runs, const TableOptions& options);

// Puts the numbers that the study published beside the accuracies of rows that it has (study/published_results.h),
// where they are of as many problems; a note counts those that are not.
void add_published(StudyTable& table);

// One table of all tasks, then (accuracy) one a task with intervals, the comparison with the unquantized model, lengths
// and truncation, then the published numbers; to_markdown() ends with the single seeds.
std::string to_summary(const StudyTable& table);
std::string to_markdown(const StudyTable& table);
std::string to_csv(const StudyTable& table);
std::string to_latex(const StudyTable& table);
OrderedJson to_json(const StudyTable& table);

}  // namespace qreason
