// Every tap of the calibration walk, in the order of a block.
#pragma once

#include <array>

#include "quantize/calibration_walk.h"

namespace qreason::testing {

inline constexpr std::array kAllTaps{
    Tap::kBlockInput, Tap::kAttentionInput,  Tap::kQuery,           Tap::kKey,      Tap::kValue,     Tap::kRotatedQuery,
    Tap::kRotatedKey, Tap::kAttentionOutput, Tap::kAttentionUpdate, Tap::kMlpInput, Tap::kMlpMiddle, Tap::kMlpUpdate,
    Tap::kBlockOutput};

}  // namespace qreason::testing
