// Standard error: messages, warnings and progress, as much of them as --quiet and --verbose ask for. On a terminal a
// progress line is redrawn in place and never wider than the terminal; elsewhere it is a line at most every 2 seconds,
// the first within one, and the last one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "cli/command.h"

namespace qreason {

enum class Verbosity { kQuiet, kNormal, kVerbose };
void set_verbosity(Verbosity verbosity);

// A message line, kept apart from a progress line being redrawn. Verbose ones show only with --verbose.
void log_line(const std::string& text);
void log_verbose(const std::string& text);

// What goes on but deserves to be known (Checkpoint::warnings() and the like): "warning: " and the text as one line.
void log_warning(const std::string& text);

// Draws work as lines of progress. Several pieces of work share one line of a terminal: the last one told of is shown.
// With --verbose each update is a line of its own.
ProgressListener& terminal_progress();

// Columns of the terminal that the descriptor is open on; nullopt when it is none.
std::optional<std::size_t> terminal_columns(int descriptor);

// Columns that tables on standard output may take: the terminal's, 80 where it is none, no limit with --wide.
std::size_t output_columns(const CommonOptions& common);
// The same for tables whose cells are cut to fit: on a terminal alone, as elsewhere something may read them.
std::size_t cut_columns(const CommonOptions& common);

// What a progress line says; the line is composed apart from its drawing.
struct ProgressReading {
  ProgressTask task;
  std::int64_t done = 0;
  double seconds = 0;          // since the work began
  std::optional<double> rate;  // units a second, of this run
  std::optional<double> left;  // seconds
  enum class Phase { kRunning, kEnded } phase = Phase::kRunning;
  std::string note;
};

// "quantize: 3/24 blocks, 0.50 blocks/s, 0:42 left, note" within `columns`. What does not fit is left out in this
// order: the note, the rate, the middle of what the work is called.
std::string progress_line(const ProgressReading& reading, std::size_t columns);

}  // namespace qreason
