// Everything that a report shows, read from a folder of results or of a study: numbers only, no text of any answer.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "eval/results.h"
#include "report/row_bits.h"
#include "study/collect.h"
#include "study/row_groups.h"
#include "study/table.h"

namespace qreason {

// What a study measured of a model beside its answers (docs/study.md, `measures/`).
struct RowMeasures {
  std::optional<double> weight_bytes;  // of the weights in memory, as they run
  std::optional<double> perplexity, kl_mean, kl_p50, kl_p99, same_top1;
};

// What the sampling settings of a row say of its thoughts (engine/thought.h); 0: nothing.
struct ThoughtLimits {
  std::int64_t budget = 0, minimum = 0;

  bool operator==(const ThoughtLimits&) const = default;
};
// "at most 64", "at least 200", "64 to 200"; "free" where nothing is said.
std::string limits_text(const ThoughtLimits& limits);

// One row of the tables with what they do not say of it.
struct ReportRow {
  const TableRow* table = nullptr;
  std::string family;      // of its method
  std::size_t series = 0;  // the number of its family: colour and mark
  std::size_t model = 0;   // the number of its model
  RowBits bits;
  RowMeasures measures;  // of another row of the same weights, its size alone
  ThoughtLimits limits;
  ResultHeader header;  // of its first run

  std::string weights_sha256() const;  // of the model that ran; empty where it is not recorded
};

struct ReportData {
  ReportData() = default;
  ReportData(ReportData&&) = default;  // rows point into the table: moved, never copied
  ReportData& operator=(ReportData&&) = default;

  std::string title;                                   // the study's name, else the folder's
  StudyTable table;                                    // of accuracy
  std::vector<ReportRow> rows;                         // as those of the table
  std::vector<std::string> models;                     // in the order of the rows
  std::vector<std::string> families;                   // the same, without that of unquantized models
  std::vector<StudyRun> runs;                          // with their answers
  RowGroups groups;                                    // of them
  std::vector<ResultHeader> headers;                   // of the runs
  std::vector<std::filesystem::path> files;            // of the runs
  std::vector<std::vector<std::uint64_t>> text_bytes;  // of the answers of each run

  // The task that stands for all: a mean of all tasks where there is one, else the first.
  const std::string& main_task() const;
  // The row of that name; nullptr without one.
  const ReportRow* find(const RowKey& key) const;
  // Its answers to a task, or to a composite whose problems all weigh the same; nullopt where they were not asked.
  std::optional<SeedGroup> group(const ReportRow& row, const std::string& task) const;
};

struct ReportOptions {
  std::filesystem::path folder;  // a study's, or one of results
  UnfinishedThoughts unfinished = UnfinishedThoughts::kAsTheyStand;
  std::string baseline;  // as of study/table.h
};

// `table.json` of a study names it, its rows and their order (runs of other rows in its folder are left out),
// `measures/` and `models/` tell of sizes; all three may be absent. Errors: of collect_runs(); a table or measure that
// is no JSON object of ours.
ReportData read_report_data(const ReportOptions& options);

}  // namespace qreason
