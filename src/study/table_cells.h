// How single numbers of a table are written, for every form of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "study/table.h"

namespace qreason {

inline constexpr const char* kMissingCell = "-";

std::string number_text(double value, int decimals);
std::string number_text(const std::optional<double>& value, int decimals);  // "-" where not defined
std::string p_text(double p);                                               // "<0.001", "0.250"
std::string interval_text(const std::optional<Interval>& interval, double scale);
std::string percent_text(const std::optional<double>& fraction);

// "75.0 ± 25.0", and how many seeds where some are missing.
std::string main_cell(const StudyTable& table, const TableCell& cell, std::string_view plus_minus);
int decimals_of(Metric metric);

// "Accuracy (%), mean ± standard deviation over 2 seeds (42, 43)" in its parts: the metric, and what follows it.
std::string title_of(Metric metric);
std::string spread_title(const StudyTable& table);
// "8 problems", or "7 to 8 problems" where rows differ.
std::string problems_text(const StudyTable& table, const std::string& task);

// The difference in points, else why there is none; "-" for the baseline itself.
std::string difference_text(const TableCell& cell);

// What a cell's comparison says, of a task or of a weighted mean.
struct Comparison {
  double difference = 0;  // fractions of 1
  std::optional<Interval> ci95;
  double p = 1;
  Verdict by_points = Verdict::kLossless;
  std::optional<Verdict> by_interval;
  std::optional<double> recovery_percent;
};
std::optional<Comparison> comparison_of(const TableCell& cell);
bool any_compared(const StudyTable& table);

// "undecided (fair)": by the interval, then by points where that is another; "-" for no comparison.
std::string verdict_text(const TableCell& cell);
// "1.21 ± 0.03": how many times as many tokens as the baseline, with the standard error.
std::string token_ratio_text(const TableCell& cell, std::string_view plus_minus);
// "To resolve 1 point here with 80 % power: 4600 problems x 3 seeds; these 60 resolve 8.8 points." Empty where nothing
// is known.
std::string power_text(const StudyTable& table, const std::string& task);

// Whether any cell of the task is beside a published number; whether any of its answers loops.
bool has_published(const StudyTable& table);
bool has_loops(const StudyTable& table, const std::string& task);
// "82.9 ± 1.1 (-0.4 SE)": the published number, and by how many standard errors ours is above it.
std::string published_text(const TableCell& cell, std::string_view plus_minus);
inline constexpr const char* kPublishedTitle =
    "Published (arXiv 2504.04823), and by how many standard errors ours differ";

// Of one k: the estimate and its interval in percent; nullopt where the cell has too few seeds, or no votes.
struct AtKCell {
  double percent = 0;
  std::optional<Interval> ci95;  // percent
};
std::optional<AtKCell> pass_cell(const TableCell& cell, std::int64_t k);
std::optional<AtKCell> majority_cell(const TableCell& cell, std::int64_t k);
std::optional<AtKCell> gain_cell(const TableCell& cell, std::int64_t k);
// pass@k of every k of the table, then maj@k and its gain of those above 1 (maj@1 is pass@1): "pass@2" and how to get
// it.
struct AtKColumn {
  std::string name;
  std::int64_t k = 1;
  std::optional<AtKCell> (*of)(const TableCell& cell, std::int64_t k);
};
std::vector<AtKColumn> at_k_columns(const StudyTable& table);
inline constexpr const char* kAtKLegend =
    "pass@k: that one of k answers is right at least; maj@k: that the most frequent of k answers is (of several as "
    "frequent one at random); gain@k: maj@k less pass@1, in points; over all draws of k of the seeds, with bootstrap "
    "intervals over problems.";

// Whether any answer to this task is wrong while its thought is right.
bool has_right_in_thought(const StudyTable& table, const std::string& task);

// Whether any answer to this task has a thought without an end; what the accuracy is when these are counted in the
// other way than the table's, and how that is called.
bool has_unfinished(const StudyTable& table, const std::string& task);
std::optional<double> other_count(const StudyTable& table, const TableCell& cell);
std::string other_count_title(const StudyTable& table);

// What the numbers of the comparison mean.
std::string legend(const StudyTable& table);

}  // namespace qreason
