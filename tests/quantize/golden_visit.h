// How a rounding pass is compared with the golden numbers stage by stage, with the golden codes in place before (A).
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "quantize/block_visit.h"
#include "quantize/block_weights.h"
#include "quantize/calibration_walk.h"
#include "quantize/oracle_run.h"
#include "support/closeness.h"

namespace qreason::testing {

// A pass sees the float model; what it makes of a linear is compared with the golden matrix, which then takes its
// place.
class GoldenVisit : public BlockVisit {
 public:
  GoldenVisit(const WeightSource& source, const ModelPlan& plan, SafetensorsReader& golden, CalibrationWalk& walk,
              std::int64_t layer, Executor& executor)
      : source_(source),
        plan_(plan),
        golden_(golden),
        walk_(walk),
        layer_(layer),
        executor_(executor),
        weights_(source, layer) {
    walk_.enter(weights_, layer);
  }
  ~GoldenVisit() override { walk_.leave(); }

  std::int64_t layer() const override { return layer_; }
  const ModelConfig& config() const override { return source_.config(); }
  Executor& executor() override { return executor_; }
  std::optional<at::Device> device() const override { return walk_.device(); }
  std::int64_t sequences() const override { return walk_.sequences(); }
  std::int64_t length(std::int64_t sequence) const override { return walk_.length(sequence); }
  const at::Tensor& gain(BlockNorm norm) const override { return weights_.gain(norm); }
  const LinearWeight& linear(LinearSlot slot) const override { return weights_.linear(slot); }
  const std::vector<LinearSlot>& to_round() const override { return all_linears_; }
  bool is_rounded(LinearSlot) const override { return true; }
  void try_matrix(LinearSlot slot, at::Tensor) override { ADD_FAILURE() << name_of(slot) << " tried by GPTQ"; }
  void withdraw() override {}
  ActivationStore spare_store(std::int64_t width) override { return walk_.spare_store(width); }
  const QuantFormat& format(LinearSlot slot) const override { return plan_.blocks.front().weights.at(slot); }
  const BlockPlan& block_plan() const override { return plan_.block(layer_); }
  int tensor_parallel() const override { return plan_.tensor_parallel; }
  BlockProgress& progress() override { return progress_; }
  BlockView& original() override { throw Error("golden visit", "the float block", "no pass here asks for it"); }

  void compute_mlp(Tap, const at::Tensor&, const at::Tensor&) override { ADD_FAILURE() << "an MLP computed by GPTQ"; }

  // The diagonal of the Hessian, as the last sequence is read, is compared with the golden one.
  ActivationRows read(Tap tap, std::int64_t sequence) override {
    if (sequence == 0) diagonal_.clear();
    const ActivationRows rows = walk_.read(tap, sequence);
    diagonal_.resize(static_cast<std::size_t>(rows.width));
    for (std::int64_t i = 0; i < rows.count * rows.width; ++i) {
      diagonal_[i % rows.width] += 2.0 / static_cast<double>(sequences()) * rows.data[i] * rows.data[i];
    }
    if (sequence + 1 == sequences()) compare_diagonal(tap);
    return rows;
  }

  void replace(LinearSlot slot, LinearWeight weight, const LinearReport& report) override {
    const QuantizedMatrix want = golden_matrix(golden_, golden_name(layer_, slot), format(slot));
    const auto& matrix = std::get<QuantizedMatrix>(weight.matrix);
    ASSERT_EQ(matrix.groups, want.groups) << name_of(slot);
    const RowDifferences differences = compare_codes(matrix, want);
    EXPECT_LE(differences.differing_rows, differences.rows * 2 / 100) << name_of(slot) << " of block " << layer_;
    EXPECT_EQ(report.counts.at("damping_retries"), 0);
    all_.add(differences);
    walk_.replace(slot, LinearWeight{.matrix = want, .bias = weight.bias});
  }

  void replace_site_tensor(Site site, std::string_view, at::Tensor) override { ADD_FAILURE() << name_of(site); }
  void replace_gain(BlockNorm norm, at::Tensor) override { ADD_FAILURE() << name_of(norm) << ", which GPTQ leaves"; }

  RowDifferences all_;

 private:
  const std::vector<LinearSlot> all_linears_{kLinearSlots.begin(), kLinearSlots.end()};

  void compare_diagonal(Tap tap) {
    static const std::map<Tap, LinearSlot> kRecordedUnder{{Tap::kAttentionInput, LinearSlot::kQ},
                                                          {Tap::kAttentionOutput, LinearSlot::kO},
                                                          {Tap::kMlpInput, LinearSlot::kGate},
                                                          {Tap::kMlpMiddle, LinearSlot::kDown}};
    const LinearSlot slot = kRecordedUnder.at(tap);
    const std::vector<float> got(diagonal_.begin(), diagonal_.end());
    const auto want = golden_.read(golden_name(layer_, slot) + ".hessian_diag").as<float>();
    EXPECT_TRUE(all_close(std::span<const float>(got), want, {.relative = 1e-5})) << name_of(slot);
  }

  const WeightSource& source_;
  const ModelPlan& plan_;
  SafetensorsReader& golden_;
  CalibrationWalk& walk_;
  std::int64_t layer_;
  Executor& executor_;
  BlockWeights weights_;
  std::vector<double> diagonal_;
  BlockProgress progress_{{}, {}};
};

}  // namespace qreason::testing
