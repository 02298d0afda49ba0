#include "quantize/passes/measure_keys.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "quantize/block_visit.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

class MeasureKeys : public StatisticsPass {
 public:
  std::string_view kind() const override { return "measure_keys"; }
  ParameterMap parameters() const override { return {}; }

  void look(MeasuredBlock& block, Statistics& found) const override {
    at::Tensor minima, maxima;
    for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
      const at::Tensor keys = block.read(Tap::kKey, sequence).tensor;
      const at::Tensor low = at::amin(keys, {0}), high = at::amax(keys, {0});
      minima = minima.defined() ? at::minimum(minima, low) : low;
      maxima = maxima.defined() ? at::maximum(maxima, high) : high;
    }
    std::vector<float> smallest = host_floats(minima), largest = host_floats(maxima);
    for (std::size_t j = 0; j < smallest.size(); ++j) {
      for (const float end : {smallest[j], largest[j]}) {  // a NaN is both ends
        if (std::isfinite(end)) continue;
        throw Error(fmt::format("measure_keys: keys of block {}", block.layer()),
                    fmt::format("{} in channel {}", std::abs(end), j), "finite keys");
      }
    }
    found.put(key_minima_name(block.layer()), std::move(smallest));
    found.put(key_maxima_name(block.layer()), std::move(largest));
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
