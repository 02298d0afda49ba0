// Budget forcing (Muennighoff et al., s1, arXiv 2501.19393, section 3.1): a thought that is longer than its budget is
// closed for the model, and an end that comes too early is replaced by a word that makes it go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/sampling.h"

namespace qreason {

struct ThoughtTokens {
  std::int32_t end = 0;                // of a thought: </think>
  std::vector<std::int32_t> closing;   // put behind a thought that has used up its budget; `end` is among them
  std::vector<std::int32_t> going_on;  // put in place of an `end` before the minimum; at least one
};

class ThoughtControl {
 public:
  // Without tokens, or with neither budget nor minimum, takes whatever is drawn. The thought is open from the answer's
  // first token. `stops` end the answer, and so the thought: before the minimum neither does.
  ThoughtControl(std::optional<ThoughtTokens> tokens, const SamplingParameters& sampling,
                 std::vector<std::int32_t> stops = {});

  // The token that stands at `index` of the answer where `drawn` was sampled for it; called for 0, 1, ... in turn.
  std::int32_t take(std::int32_t drawn, std::int64_t index);
  // Whether the last token was put there, and not drawn.
  bool is_forced() const { return is_forced_; }

 private:
  using Texts = std::vector<std::int32_t> ThoughtTokens::*;
  std::int32_t force(Texts text);

  std::optional<ThoughtTokens> tokens_;  // none where nothing is forced
  std::vector<std::int32_t> stops_;
  std::int64_t budget_, minimum_;
  bool is_open_ = true;
  Texts forced_ = nullptr;
  std::size_t put_ = 0;  // of its tokens
  bool is_forced_ = false;
};

}  // namespace qreason
