#include "quantize/passes/measure_channels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/maximum.h>

#include "quantize/block_visit.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

class MeasureChannels : public StatisticsPass {
 public:
  std::string_view kind() const override { return "measure_channels"; }
  ParameterMap parameters() const override { return {}; }

  void look(MeasuredBlock& block, Statistics& found) const override {
    for (const Site site : kActivationSites) {
      found.put(channel_maxima_name(block.layer(), name_of(site)), channel_maxima(block, tap_of(site)));
    }
  }
};

}  // namespace

std::vector<float> channel_maxima(BlockView& block, Tap tap) {
  at::Tensor maxima;  // a NaN stays one: Statistics refuses it by name
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const at::Tensor rows = block.read(tap, sequence).tensor;
    const at::Tensor largest = at::amax(rows.abs(), {0});
    maxima = maxima.defined() ? at::maximum(maxima, largest) : largest;
  }
  if (!maxima.defined()) return {};
  return host_floats(maxima);
}

PassPointer measure_channels() {
  return std::make_shared<const MeasureChannels>();
}

PassPointer read_measure_channels(ParameterReader&) {
  return measure_channels();
}

}  // namespace qreason
