#include "quantize/passes/correct_biases.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/stopwatch.h"
#include "quantize/block_visit.h"
#include "quantize/passes/scaled_view.h"
#include "quantize/tensors/host_values.h"

namespace qreason {
namespace {

void add_columns(const ActivationRows& rows, std::vector<double>& sums) {
  for (std::int64_t row = 0; row < rows.count; ++row) {
    for (std::int64_t j = 0; j < rows.width; ++j) sums[j] += rows.data[row * rows.width + j];
  }
}

std::vector<double> mean_input(BlockView& block, Site site) {
  std::vector<double> mean;
  at::Tensor there;  // on a device
  std::int64_t tokens = 0;
  for (std::int64_t sequence = 0; sequence < block.sequences(); ++sequence) {
    const ActivationRows rows = block.read(tap_of(site), sequence);
    tokens += rows.count;
    if (block.device()) {
      const at::Tensor sums = rows.tensor.sum(0, false, at::kDouble);
      there = there.defined() ? there + sums : sums;
      continue;
    }
    mean.resize(static_cast<std::size_t>(rows.width));
    add_columns(rows, mean);
  }
  if (there.defined()) mean = host_doubles(there);
  for (double& value : mean) value /= static_cast<double>(tokens);
  return mean;
}

std::vector<double> product(const at::Tensor& matrix, const std::vector<double>& x) {
  std::vector<double> y(static_cast<std::size_t>(matrix.size(0)));
  const float* row = matrix.const_data_ptr<float>();
  for (double& sum : y) {
    for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * row[j];
    row += x.size();
  }
  return y;
}

bool has_correctable(const ModelConfig& config, const ModelPlan& plan) {
  return std::any_of(plan.blocks.begin(), plan.blocks.end(), [&](const BlockPlan& block) {
    return std::any_of(block.weights.begin(), block.weights.end(),
                       [&](const auto& weight) { return linear_shape(config, weight.first).has_bias; });
  });
}

class CorrectBiases : public BlockPass {
 public:
  std::string_view kind() const override { return "correct_biases"; }
  ParameterMap parameters() const override { return {}; }
  Propagation propagation() const override { return Propagation::kBoth; }
  BlockWork work() const override { return BlockWork::kCorrect; }
  void extend_plan(const ModelConfig& config, ModelPlan& plan) const override {
    if (!has_correctable(config, plan)) {
      throw Error::usage("correct_biases", "no linear that is rounded and has a bias", "a model with such linears");
    }
  }

  void apply(BlockVisit& block) const override {
    for (const Site site : kActivationSites) {
      std::vector<LinearSlot> linears;
      for (const LinearSlot slot : kLinearSlots) {
        if (input_site(slot) == site && block.linear(slot).quantized() && block.linear(slot).bias) {
          linears.push_back(slot);
        }
      }
      if (linears.empty()) continue;
      const std::vector<double> before = mean_input(block.original(), site), now = mean_input(block, site);
      for (const LinearSlot slot : linears) correct(block, slot, before, now);
    }
  }

 private:
  static void correct(BlockVisit& block, LinearSlot slot, const std::vector<double>& before,
                      const std::vector<double>& now) {
    const Stopwatch watch;
    const std::vector<double> wanted = product(block.original().weight(slot), before);
    const std::vector<double> got = product(block.weight(slot), now);
    LinearWeight weight = block.linear(slot);
    std::vector<double> bias = doubles_of(*weight.bias);
    double largest = 0;
    for (std::size_t i = 0; i < bias.size(); ++i) {
      largest = std::max(largest, std::abs(wanted[i] - got[i]));
      bias[i] += wanted[i] - got[i];
    }
    weight.bias = float_tensor(bias);
    LinearReport report;
    report.numbers = {{"largest_change", largest}};
    report.seconds = watch.seconds();
    block.replace(slot, std::move(weight), report);
  }
};

}  // namespace

PassPointer correct_biases() {
  return std::make_shared<const CorrectBiases>();
}

PassPointer read_correct_biases(ParameterReader&) {
  return correct_biases();
}

}  // namespace qreason
