#include "quantize/passes/measure_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "quantize/block_visit.h"

namespace qreason {
namespace {

class MeasureKeys : public StatisticsPass {
 public:
  std::string_view kind() const override { return "measure_keys"; }
  ParameterMap parameters() const override { return {}; }

  void look(MeasuredBlock& block, Statistics& found) const override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto channels = static_cast<std::size_t>(block.config().kv_heads * block.config().head_dim);
    std::vector<float> minima(channels, kInfinity), maxima(channels, -kInfinity);
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      const ActivationRows rows = block.read(Tap::kKey, sequence);
      for (std::int64_t row = 0; row < rows.count; ++row) {
        const float* key = rows.data + row * rows.width;
        for (std::size_t j = 0; j < channels; ++j) {
          if (!std::isfinite(key[j])) {
            throw Error(fmt::format("measure_keys: keys of block {}", block.layer()),
                        fmt::format("{} in channel {}", key[j], j), "finite keys");
          }
          minima[j] = std::min(minima[j], key[j]);
          maxima[j] = std::max(maxima[j], key[j]);
        }
      }
    }
    found.put(key_minima_name(block.layer()), std::move(minima));
    found.put(key_maxima_name(block.layer()), std::move(maxima));
  }
};

}  // namespace

PassPointer measure_keys() {
  return std::make_shared<const MeasureKeys>();
}

PassPointer read_measure_keys(ParameterReader&) {
  return measure_keys();
}

}  // namespace qreason
