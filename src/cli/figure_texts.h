// The texts that `qreason figure` reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/figures/figure.h"
#include "cli/model_loader.h"

namespace qreason {

// --text of a kind of one text: FILE, at most once; without it the model's own traces, or GSM8K training problems where
// it brings none. Of a kind of several: NAME=FILE, twice or more; without it those of WikiText-2, GSM8K, MATH-500 (in a
// data folder, data/locations.h) and of the model's own traces that are there. A FILE is a text, one of records
// (joined, quantize/calibration_set.h), or "-" for standard input. Each text is encoded as a whole, without special
// tokens, and cut to its first `tokens`; one that has fewer is noted. Errors (usage): what does not fit the kind.
std::vector<FigureText> load_figure_texts(const FigureKind& kind, const std::vector<std::string>& given,
                                          const OpenedModel& model, std::int64_t tokens);

}  // namespace qreason
