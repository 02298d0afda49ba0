// The browser of single answers: what the page keeps of each run, packed, with the point at which every answer leaves
// the baseline's.
#pragma once

#include <cstdint>
#include <string>

#include "report/report_data.h"

namespace qreason {

// The texts may take `limit` bytes before they are packed (to about a third). More are cut, in steps: long texts first,
// then answers whose grade is the baseline's are left out; the page says what it lacks. Nothing is kept of data sets
// that must not be published (GPQA-Diamond), and nothing at all with a limit of 0: then the result is empty.
std::string answers_html(const ReportData& data, std::uint64_t limit);

}  // namespace qreason
