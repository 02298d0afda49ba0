// How single numbers of a table are written, for every form of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

// Whether any answer to this task has a thought without an end; what the accuracy is when these are counted in the
// other way than the table's, and how that is called.
bool has_unfinished(const StudyTable& table, const std::string& task);
std::optional<double> other_count(const StudyTable& table, const TableCell& cell);
std::string other_count_title(const StudyTable& table);

// What the numbers of the comparison mean.
std::string legend(const StudyTable& table);

}  // namespace qreason
