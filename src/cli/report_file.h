// Writing a report: what `qreason report` and `qreason study` share.
#pragma once

#include <cstdint>
#include <filesystem>

#include "report/report_data.h"

namespace qreason {

inline constexpr std::int64_t kReportAnswers = 96;  // MiB of answers in a page unless asked otherwise

struct ReportFile {
  std::size_t bytes = 0, rows = 0, runs = 0;
};
// Makes the page and writes it, complete or not at all (base/file.h). `answers`: MiB of answers that it may hold.
ReportFile write_report(const ReportOptions& options, std::int64_t answers, const std::filesystem::path& output);

}  // namespace qreason
