// The tables of the page.
#pragma once

#include <string>

#include "report/html.h"
#include "report/report_data.h"

namespace qreason {

// Every row with its bits, and its accuracy in every task: mean and standard deviation over seeds.
HtmlTable overview_table(const ReportData& data);
// One task: intervals, the comparison with the baseline, lengths.
HtmlTable comparison_table(const ReportData& data, const std::string& task);
// Where results come from.
HtmlTable models_table(const ReportData& data);
HtmlTable datasets_table(const ReportData& data);
// Sampling settings, programs and recipes, as HTML.
std::string settings_html(const ReportData& data);

}  // namespace qreason
