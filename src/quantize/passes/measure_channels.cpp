#include "quantize/passes/measure_channels.h"

#include <algorithm>
#include <cmath>

#include "quantize/block_visit.h"

namespace qreason {
namespace {

// std::max would drop a NaN; Statistics refuses it by name.
float larger(float a, float b) {
  return a >= b || std::isnan(a) ? a : b;
}

class MeasureChannels : public StatisticsPass {
 public:
  std::string_view kind() const override { return "measure_channels"; }
  ParameterMap parameters() const override { return {}; }

  void look(MeasuredBlock& block, Statistics& found) const override {
    for (const Site site : kActivationSites) {
      found.put(channel_maxima_name(block.layer(), name_of(site)), channel_maxima(block, site));
    }
  }
};

}  // namespace

std::vector<float> channel_maxima(BlockView& block, Site site) {
  std::vector<float> maxima;
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const ActivationRows rows = block.read(tap_of(site), sequence);
    maxima.resize(static_cast<std::size_t>(rows.width), 0.0f);
    for (std::int64_t row = 0; row < rows.count; ++row) {
      const float* x = rows.data + row * rows.width;
      for (std::int64_t j = 0; j < rows.width; ++j) maxima[j] = larger(maxima[j], std::abs(x[j]));
    }
  }
  return maxima;
}

PassPointer measure_channels() {
  return std::make_shared<const MeasureChannels>();
}

PassPointer read_measure_channels(ParameterReader&) {
  return measure_channels();
}

}  // namespace qreason
