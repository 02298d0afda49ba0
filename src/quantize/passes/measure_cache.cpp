#include "quantize/passes/measure_cache.h"

#include "quantize/block_visit.h"
#include "quantize/passes/measure_channels.h"

namespace qreason {
namespace {

class MeasureCache : public StatisticsPass {
 public:
  std::string_view kind() const override { return "measure_cache"; }
  ParameterMap parameters() const override { return {}; }

  void look(MeasuredBlock& block, Statistics& found) const override {
    for (const auto& [site, tap] : {std::pair{Site::kKey, Tap::kRotatedKey}, std::pair{Site::kValue, Tap::kValue}}) {
      found.put(channel_maxima_name(block.layer(), name_of(site)), channel_maxima(block, tap));
    }
  }
};

}  // namespace

PassPointer measure_cache() {
  return std::make_shared<const MeasureCache>();
}

PassPointer read_measure_cache(ParameterReader&) {
  return measure_cache();
}

}  // namespace qreason
