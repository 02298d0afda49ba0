// The report as one HTML file: styles, script, drawings and answers are in it, and it asks the network for nothing (a
// content security policy in it forbids that, and any script but its own).
#pragma once

#include <string>

#include "report/report_data.h"

namespace qreason {

// `program`: name and version, for the last line. The same data give the same bytes.
struct PageParts {
  std::string program;
  std::string answers;  // HTML of the browser of answers (report/answers.h); empty: none
};
std::string report_page(const ReportData& data, const PageParts& parts);

}  // namespace qreason
