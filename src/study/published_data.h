// The text of data/published/results.csv, compiled in, so that it needs no source tree.
#pragma once

#include <string_view>

namespace qreason {

std::string_view published_csv();

}  // namespace qreason
