#include "engine/thought.h"

#include <algorithm>
#include <utility>

namespace qreason {

ThoughtControl::ThoughtControl(std::optional<ThoughtTokens> tokens, const SamplingParameters& sampling,
                               std::vector<std::int32_t> stops)
    : tokens_(std::move(tokens)),
      stops_(std::move(stops)),
      budget_(sampling.thinking_budget),
      minimum_(sampling.thinking_minimum) {
  if (budget_ == 0 && minimum_ == 0) tokens_.reset();
}

std::int32_t ThoughtControl::force(Texts text) {
  forced_ = text;
  is_forced_ = true;
  put_ = 1;
  return ((*tokens_).*text).front();
}

std::int32_t ThoughtControl::take(std::int32_t drawn, std::int64_t index) {
  is_forced_ = false;
  if (!tokens_) return drawn;
  std::int32_t token = drawn;
  const bool ends = drawn == tokens_->end || std::find(stops_.begin(), stops_.end(), drawn) != stops_.end();
  if (forced_ != nullptr && put_ < ((*tokens_).*forced_).size()) {
    token = ((*tokens_).*forced_)[put_++];
    is_forced_ = true;
  } else if (is_open_ && ends && index < minimum_) {
    token = force(&ThoughtTokens::going_on);
  } else if (is_open_ && !ends && budget_ > 0 && index >= budget_) {
    token = force(&ThoughtTokens::closing);
  }
  if (token == tokens_->end) is_open_ = false;
  return token;
}

}  // namespace qreason
