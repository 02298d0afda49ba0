// The plots of the report (docs/report.md) as pictures of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/output_path.h"

namespace qreason {

std::string result_figure_names();  // "bits, differences, ..."
bool is_result_figure(std::string_view id);

struct ResultFigureRequest {
  std::string id, folder, output;
  std::vector<std::string> choices;  // NAME=VALUE, as the report's page offers them; of what they leave open the first
  IfExists if_exists = IfExists::kError;
};

// Writes it whole or not at all; PDF and PNG by rsvg-convert. What was drawn: {"figure", "title", "choice", "others",
// "file", "bytes"}, others: how many more figures the choices leave. Errors: results that hold nothing for the plot, a
// choice that there is not, no rsvg-convert.
OrderedJson write_result_figure(const ResultFigureRequest& request);

}  // namespace qreason
