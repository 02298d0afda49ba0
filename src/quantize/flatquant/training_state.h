// The state of a training between two epochs, as text and bytes: losses so far, what is learned, AdamW's moments.
#pragma once

#include <string>
#include <string_view>

#include "quantize/flatquant/block_trainer.h"

namespace qreason {

FlatState copy_of(const FlatState& state);

std::string written(const TrainingResult& result, FlatState& state, AdamW& optimizer);

// Back again; the optimizer has the state's parameters. An Error naming `where` for anything else than written() gave
// for the same state.
TrainingResult read_result(std::string_view text, const std::string& where);
void read_state(std::string_view text, FlatState& state, AdamW& optimizer, const std::string& where);

}  // namespace qreason
