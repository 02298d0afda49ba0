// Recipes whose runs are killed in tests: together they have every kind of phase.
#pragma once

namespace qreason::testing {

// Exact, measured, exact, rounded and corrected: every kind of phase, on a model with biases and a tied head.
inline constexpr const char* kThreePhases = R"(
name = "three-phases"
[calibration]
samples = 4
length = 16
[[pass]]
kind = "fold_norms"
[[pass]]
kind = "insert_outliers"
[[pass]]
kind = "measure_channels"
[[pass]]
kind = "smooth_norms"
[[pass]]
kind = "round_rtn"
format = "w4c-sym"
linears = "gate, up"
[[pass]]
kind = "round_gptq"
format = "w3g16-asym"
linears = "q, k, v, o, down"
[[pass]]
kind = "correct_biases"
)";

// Static ranges that a plan pass makes of what was measured, and rounding on two walks.
inline constexpr const char* kMeasuredKeys = R"(
name = "measured-keys"
[calibration]
samples = 4
length = 16
[[pass]]
kind = "measure_keys"
[[pass]]
kind = "set_kv_format"
keys = "k4-channel-asym"
values = "v4-head-asym"
[[pass]]
kind = "round_gptq"
format = "w3g16-asym"
asymmetric_calibration = true
)";

// A budget that measurements spend.
inline constexpr const char* kBudget = R"(
name = "budget"
[calibration]
samples = 4
length = 16
[[pass]]
kind = "measure_sensitivity"
formats = ["w2g16-asym", "w3g16-asym", "w4g16-asym"]
tokens = 30
[[pass]]
kind = "round_gptq"
budget = 5.5
candidates = ["w2g16-asym", "w4g16-asym", "w3g16-asym"]
)";

// The head untied, then both matrices outside of the blocks rounded.
inline constexpr const char* kTables = R"(
name = "tables"
[calibration]
samples = 4
length = 16
[[pass]]
kind = "fold_norms"
[[pass]]
kind = "round_gptq"
format = "w3g16-asym"
[[pass]]
kind = "round_embeddings"
embedding = "w8c-sym"
head = "w4g16-asym"
)";

}  // namespace qreason::testing
