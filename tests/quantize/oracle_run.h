// A golden case as a whole run of ours: its recipe, and the logits of what comes out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "quantize/memory_sink.h"
#include "quantize/methods/method_table.h"
#include "quantize/oracle_case.h"
#include "quantize/runner.h"

namespace qreason::testing {

inline std::string golden_name(std::int64_t layer, LinearSlot slot) {
  return "layers." + std::to_string(layer) + "." + std::string(name_of(slot));
}

inline Recipe recipe_of(const OracleCase& one) {
  Recipe recipe = make_recipe(one.method, parse_assignments(one.settings));
  if (recipe.calibration) recipe.calibration->length = 64;
  return recipe;
}

inline std::vector<float> logits_at_positions(const WeightSource& source,
                                              const std::vector<std::vector<std::int32_t>>& sequences,
                                              Executor& executor) {
  Decoder decoder(source, {.type = ComputeType::kFloat32, .executor = &executor});
  std::vector<float> picked, logits;
  const std::int64_t vocabulary = source.config().vocab_size;
  for (const auto& tokens : sequences) {
    SequenceCache cache(PagePool(decoder.cache_layout()));
    DecoderStep step;
    const DecoderInput input{.tokens = tokens, .cache = &cache, .logits = DecoderInput::Logits::kAll};
    decoder.forward(std::span(&input, 1), step, logits, executor);
    for (std::int64_t position = 0; position < static_cast<std::int64_t>(tokens.size()); position += 3) {
      picked.insert(picked.end(), logits.begin() + position * vocabulary, logits.begin() + (position + 1) * vocabulary);
    }
  }
  return picked;
}

inline double mean_squared(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return sum / static_cast<double>(a.size());
}

inline double largest_distance(std::span<const float> a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) largest = std::max(largest, std::abs(double{a[i]} - b[i]));
  return largest;
}

struct FreeRun {
  MemorySink sink;
  OrderedJson report;
  std::vector<float> logits;
};

inline void run_freely(const OracleCase& one, Executor& executor, FreeRun& run,
                       std::optional<at::Device> device = std::nullopt) {
  const auto source = open_checkpoint(one.folder);
  const Recipe recipe = recipe_of(one);
  const CalibrationSet calibration{.description = "calib", .samples = golden_tokens(one.folder, "calib")};
  const ScratchFolder scratch;
  run.report = run_recipe({.source = *source,
                           .recipe = recipe,
                           .calibration = needs_calibration(recipe) ? &calibration : nullptr,
                           .sink = run.sink,
                           .folder = scratch.path(),
                           .model_identity = one.model,
                           .device = device},
                          executor);
  const SinkSource quantized(run.sink);
  run.logits = logits_at_positions(quantized, golden_tokens(one.folder, "eval"), executor);
}

// All linears of a run beside the case's golden codes.
inline RowDifferences compare_all_codes(const FreeRun& run, SafetensorsReader& golden) {
  RowDifferences all;
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (const LinearSlot slot : kLinearSlots) {
      const auto& matrix = std::get<QuantizedMatrix>(run.sink.linears().at(linear_name(layer, slot)).matrix);
      all.add(compare_codes(matrix, golden_matrix(golden, golden_name(layer, slot), matrix.format)));
    }
  }
  return all;
}

// The golden codes under a recipe's plan; all else is the view's.
class GoldenModel : public WeightSource {
 public:
  GoldenModel(const WeightSource& view, ModelPlan plan, SafetensorsReader& golden)
      : view_(view), plan_(std::move(plan)), golden_(golden) {}
  const ModelConfig& config() const override { return view_.config(); }
  const ModelPlan& plan() const override { return plan_; }
  at::Tensor tensor(const std::string& name) const override { return view_.tensor(name); }
  LinearWeight linear(const std::string& name) const override {
    LinearWeight weight = view_.linear(name);
    for (std::int64_t layer = 0; layer < config().layers; ++layer) {
      for (const LinearSlot slot : kLinearSlots) {
        if (name != linear_name(layer, slot)) continue;
        weight.matrix = golden_matrix(golden_, golden_name(layer, slot), plan_.block(layer).weights.at(slot));
      }
    }
    return weight;
  }

 private:
  const WeightSource& view_;
  ModelPlan plan_;
  SafetensorsReader& golden_;
};

}  // namespace qreason::testing
