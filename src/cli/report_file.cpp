#include "cli/report_file.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/program.h"
#include "report/answers.h"
#include "report/page.h"

namespace qreason {

ReportFile write_report(const ReportOptions& options, std::int64_t answers, const std::filesystem::path& output) {
  const ReportData data = read_report_data(options);
  const std::string page =
      report_page(data, {.program = fmt::format("qreason {}", program_version()),
                         .answers = answers_html(data, static_cast<std::uint64_t>(answers) << 20)});
  write_file_atomic(output, page);
  return {.bytes = page.size(), .rows = data.rows.size(), .runs = data.runs.size()};
}

}  // namespace qreason
