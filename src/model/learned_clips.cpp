#include "model/learned_clips.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qreason {

LearnedClips::LearnedClips(const std::vector<float>& low, const std::vector<float>& high, const std::string& where,
                           const Backend& backend)
    : low_(low, backend), high_(high, backend) {
  for (const std::vector<float>* ratios : {&low, &high}) {
    for (const float ratio : *ratios) {
      if (!(ratio > 0) || ratio > 1) throw Error(where, fmt::format("the ratio {}", ratio), "one in (0, 1]");
    }
  }
}

}  // namespace qreason
