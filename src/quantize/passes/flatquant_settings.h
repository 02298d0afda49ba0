// The settings of round_flatquant: as parameters, what they say of a plan, and the files that they name.
#pragma once

#include <string>
#include <vector>

#include "quantize/passes/round_flatquant.h"

namespace qreason {

inline constexpr const char* kRoundFlatQuant = "round_flatquant";

// Errors (usage) naming the parameter.
void check(const FlatQuantSettings& settings);
FlatQuantSettings read_flatquant_settings(ParameterReader& parameters);
ParameterMap parameters_of(const FlatQuantSettings& settings);
std::vector<std::string> files_of(const FlatQuantSettings& settings);
// The parameters that a method hands on: epochs, batch_size, learning_rate, clip_learning_rate, parametrization,
// learn_on, batch_order, initial_state, skip_blocks.
void read_training_parameters(ParameterReader& parameters, FlatQuantSettings& settings);

void add_flatquant_plan(const FlatQuantSettings& settings, const ModelConfig& config, ModelPlan& plan);

// An Error naming the file where it has another shape or not every sequence once an epoch.
BatchOrder batch_order(const FlatQuantSettings& settings, std::int64_t sequences);
// Replaces all of a block's state; a tensor that is missing or of another shape is an Error naming it.
void read_initial_state(const std::string& path, std::int64_t layer, FlatState& state);

}  // namespace qreason
