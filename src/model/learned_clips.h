// The learned clip ratios of a site (plan.h, ClipSource::kLearned), as the decoder's kernels take them.
#pragma once

#include <string>
#include <vector>

#include "kernels/buffer.h"
#include "kernels/executor.h"
#include "kernels/row_quantizer.h"

namespace qreason {

class LearnedClips {
 public:
  // One ratio a group of the row for either end of its range. A ratio out of (0, 1] is an Error naming `where`. Kept in
  // the backend's memory.
  LearnedClips(const std::vector<float>& low, const std::vector<float>& high, const std::string& where,
               const Backend& backend = host_backend());

  RangeClips view() const { return {.low = low_.data(), .high = high_.data()}; }
  std::uint64_t bytes() const { return low_.bytes() + high_.bytes(); }

 private:
  Buffer<float> low_, high_;
};

}  // namespace qreason
