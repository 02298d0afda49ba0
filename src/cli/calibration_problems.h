// The training problems that a model answers to make its own calibration traces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/dataset.h"

namespace qreason {

inline constexpr const char* kStepsProblems = "steps";

// What a model answers when nothing is said: "steps" for a model named steps-..., which learned those problems and no
// others; NuminaMath-1.5 (methods.md section 3) for any other.
std::string default_calibration_problems(const std::string& model_name);

// The first `count` problems of `source`, in its order: "steps" (training problems of the three tiers in turn, made
// from `seed`), a data set's name, or a file (problem or question; an answer is welcome, not needed). The fewer ones of
// a smaller source are taken with a note. Errors: as of load_dataset(); a count below 1 (usage).
Dataset calibration_problems(const std::string& source, std::int64_t count, std::uint64_t seed);

}  // namespace qreason
