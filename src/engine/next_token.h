// What a step's logits make of a sequence.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/sequence.h"

namespace qreason {

struct NextToken {
  std::int32_t token = 0;
  std::optional<TokenLogprobs> logprobs;  // where the request asks for them
};

// The next token of the sequence, which is told of it where it thinks by a budget and is else as it was. The logits are
// changed by penalties.
NextToken next_token(Sequence& sequence, std::span<float> logits);

}  // namespace qreason
