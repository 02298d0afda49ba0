#include "quantize/passes/round_rtn.h"

#include <span>

#include "base/error.h"
#include "base/stopwatch.h"
#include "quantize/block_visit.h"
#include "quantize/rounding_error.h"
#include "quantize/rtn.h"

namespace qreason {
namespace {

class RoundRtn : public BlockPass {
 public:
  explicit RoundRtn(const WeightRounding& rounding) : rounding_(rounding) {}
  std::string_view kind() const override { return "round_rtn"; }
  ParameterMap parameters() const override { return parameters_of(rounding_); }
  Propagation propagation() const override { return Propagation::kNone; }
  BlockWork work() const override { return BlockWork::kRound; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    add_weight_formats(config, rounding_, kind(), plan);
  }

  std::vector<std::string_view> reads() const override { return reads_of(rounding_); }
  std::vector<std::string> formats_read() const override { return candidates_of(rounding_); }
  std::shared_ptr<const BlockPass> decided(const Statistics& statistics, const ModelConfig& config,
                                           int tensor_parallel) const override {
    const auto choice = qreason::decided(rounding_, statistics, config, kind(), tensor_parallel);
    return choice ? std::make_shared<const RoundRtn>(*choice) : nullptr;
  }

  void apply(BlockVisit& block) const override {
    for (const LinearSlot slot : block.to_round())
      round_linear(block, slot, [&] { return FloatLinear{block.weight(slot), block.linear(slot).bias}; });
  }

 private:
  WeightRounding rounding_;
};

}  // namespace

void round_linear(BlockVisit& block, LinearSlot slot, const std::function<FloatLinear()>& read, LinearReport report) {
  try {
    const Stopwatch watch;
    const auto [tensor, bias] = read();
    const std::span weights(tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel()));
    RtnResult rounded =
        round_rtn_parallel(weights, tensor.size(0), tensor.size(1), block.format(slot), block.executor());
    report.weight_error = relative_weight_error(weights, rounded.matrix, block.executor());
    report.clipped = rounded.clipped;
    report.seconds = watch.seconds();
    block.replace(slot, {.matrix = std::move(rounded.matrix), .bias = bias}, report);
  } catch (const Error& error) {
    throw Error::inside(linear_name(block.layer(), slot), error);
  }
}

PassPointer round_rtn(const WeightRounding& rounding) {
  return std::make_shared<const RoundRtn>(rounding);
}

PassPointer read_round_rtn(ParameterReader& parameters) {
  return round_rtn(read_weight_rounding(parameters));
}

}  // namespace qreason
