// How problems are sorted within a task: by level, subject or kind, as the rows of its data set say.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "report/report_data.h"

namespace qreason {

// One column of a data set that sorts its problems.
struct LevelColumn {
  std::string task, column;
  std::vector<std::string> levels;           // in the order of the numbers in them, else by name
  std::map<std::string, std::string> of_id;  // the level of each problem
};

// Of every task whose data set is found in a data folder (data/locations.h) and holds all problems of its runs: what is
// not there is left out, for the results say all else. Columns with one value, or with more than 24, sort nothing.
std::vector<LevelColumn> level_columns(const ReportData& data);

}  // namespace qreason
