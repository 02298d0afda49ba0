#include "quantize/cost.h"

#include <algorithm>
#include <vector>

#include "base/stopwatch.h"
#include "kernels/matmul.h"
#include "quantize/checkpoint_size.h"

namespace qreason {
namespace {

constexpr double kMega = 1e6;

// Over the seven linears of a block; sizes in double, which holds what a hostile config could overflow.
struct BlockSums {
  double weights = 0, largest = 0;
  bool searched = false;
};

BlockSums sums_of(const ModelConfig& config, const ModelPlan& plan) {
  BlockSums sums;
  for (const LinearSlot slot : kLinearSlots) {
    const double count = weights_of(config, slot);
    sums.weights += count;
    sums.largest = std::max(sums.largest, count);
    for (const BlockPlan& block : plan.blocks) {
      const auto found = block.weights.find(slot);
      sums.searched |= found != block.weights.end() && found->second.search == RangeSearch::kMse;
    }
  }
  return sums;
}

// float32 operations per second of the product that dominates.
double measure_flops(Executor& executor) {
  constexpr std::int64_t kRows = 512, kColumns = 1024;
  const std::vector<float> x(static_cast<std::size_t>(kRows * kColumns), 0.5f);
  std::vector<float> h(static_cast<std::size_t>(kColumns * kColumns), 0.0f);
  double operations = 0;
  const Stopwatch watch;
  while (watch.seconds() < 0.1) {
    accumulate_gram(x.data(), kRows, kColumns, 1.0f, h.data(), executor);
    operations += static_cast<double>(kRows) * kColumns * kColumns;
  }
  return operations / watch.seconds();
}

struct WalkCost {
  double flops = 0, memory = 0, spilled = 0;
};

// One walk of the calibration sequences: its stores and its forward passes.
WalkCost forward_cost(const ModelConfig& config, const BlockSums& block, CalibrationSize calibration, double limit) {
  const auto tokens = static_cast<double>(calibration.tokens), longest = static_cast<double>(calibration.longest);
  const auto hidden = static_cast<double>(config.hidden_size), middle = static_cast<double>(config.intermediate_size);
  const auto query = static_cast<double>(config.heads * config.head_dim);
  WalkCost cost;
  double left = limit;
  for (const double width : {hidden, query, hidden}) {
    const double bytes = 4 * tokens * width;
    (bytes <= left ? cost.memory : cost.spilled) += bytes;
    if (bytes <= left) left -= bytes;
  }
  const bool middle_kept = 4 * tokens * middle <= left;
  if (middle_kept) cost.memory += 4 * tokens * middle;
  cost.memory += 4 * longest * (4 * hidden + 3 * query + 4 * middle) + 4 * block.weights;
  cost.flops = attention_flops(config, calibration) + mlp_flops(config, calibration);
  cost.flops += middle_kept ? 0 : 4 * tokens * hidden * middle;
  cost.flops *= static_cast<double>(config.layers);
  return cost;
}

// What the block passes do beside the walks, over all blocks.
BlockCost pass_costs(const CostQuestion& question, const ModelConfig& config, const ModelPlan& plan) {
  BlockCost sum;
  for (const PassPointer& pointer : question.recipe.passes) {
    const auto* pass = std::get_if<std::shared_ptr<const BlockPass>>(&pointer);
    if (!pass) continue;
    const bool rounds = (*pass)->work() == BlockWork::kRound;
    const ModelPlan own = rounds ? plan_of(**pass, config, plan.tensor_parallel) : plan;
    for (const BlockPlan& block : own.blocks) {
      const BlockCost cost = (*pass)->cost({.config = config, .plan = block, .calibration = question.calibration});
      sum.flops += cost.flops;
      sum.rounded += cost.rounded;
      sum.memory = std::max(sum.memory, cost.memory);
    }
  }
  return sum;
}

// All phases: their times add up, and the block passes' walks, the last ones, hold the most memory.
WalkCost walks_cost(const CostQuestion& question, const ModelConfig& config, const BlockSums& block) {
  const auto memory = static_cast<double>(question.activation_memory);
  const Propagation propagation = propagation_of(question.recipe);
  const bool both = propagation == Propagation::kBoth;
  WalkCost cost;
  for (const PassPointer& pass : question.recipe.passes) {
    const auto* measure = std::get_if<std::shared_ptr<const StatisticsPass>>(&pass);
    if (!measure) continue;
    const WalkCost walk = forward_cost(config, block, question.calibration, memory);
    const BlockCost own = (*measure)->cost({.config = config, .plan = {}, .calibration = question.calibration});
    cost = {cost.flops + walk.flops + static_cast<double>(config.layers) * own.flops, walk.memory + own.memory,
            walk.spilled};
  }
  if (propagation == Propagation::kNone) return cost;
  const WalkCost walk = forward_cost(config, block, question.calibration, both ? memory / 2 : memory);
  const double walks = both ? 2 : 1;
  return {cost.flops + walks * walk.flops, walks * walk.memory, std::max(cost.spilled, walks * walk.spilled)};
}

}  // namespace

QuantizeCost estimate_cost(const CostQuestion& question, Executor& executor) {
  const ModelPlan plan = validate(question.recipe, question.config);
  const ModelOutline outline = outline_after(question.recipe, question.config);
  const BlockSums block = sums_of(outline.config, plan);
  const auto layers = static_cast<double>(outline.config.layers);
  const double table = static_cast<double>(outline.config.vocab_size) * static_cast<double>(outline.config.hidden_size);
  const double outside =
      table * (bytes_of(outline.types.embedding) + (outline.config.tied_embeddings ? 0 : bytes_of(outline.types.head)));

  QuantizeCost cost;
  cost.blocks = outline.config.layers;
  const double flops = measure_flops(executor);
  cost.gflops = flops / 1e9;
  const WalkCost walk = walks_cost(question, outline.config, block);
  const BlockCost passes = pass_costs(question, outline.config, plan);
  // Weights of the block as they are read and what replaces them (a byte a code, and packed), copies of the linear in
  // work, the tables outside of the blocks while they are written, and the program itself.
  double dense_bytes = 0;
  for (const StoredType type : outline.types.linears) dense_bytes = std::max(dense_bytes, bytes_of(type));
  const double weights = (dense_bytes + 2.5) * block.weights + 4 * 4 * block.largest;
  cost.peak_memory_bytes = static_cast<std::uint64_t>(walk.memory + passes.memory + weights + outside + 150 * kMega);
  cost.checkpoint_bytes = static_cast<std::uint64_t>(checkpoint_bytes(outline, plan)) + question.copied_bytes;
  cost.spilled_bytes = static_cast<std::uint64_t>(walk.spilled);
  cost.disk_bytes = cost.checkpoint_bytes + cost.spilled_bytes;
  // Rounding itself: about 100 ns a weight and thread with the range search, 10 ns without.
  const double rounded = layers * block.weights + passes.rounded;
  const double rounding = rounded * (block.searched ? 100e-9 : 10e-9) / executor.threads();
  cost.seconds = (walk.flops + passes.flops) / flops + rounding + static_cast<double>(cost.checkpoint_bytes) / 500e6;
  return cost;
}

OrderedJson to_json(const QuantizeCost& cost) {
  return {{"peak_memory_bytes", cost.peak_memory_bytes},
          {"disk_bytes", cost.disk_bytes},
          {"seconds", cost.seconds},
          {"blocks", cost.blocks},
          {"checkpoint_bytes", cost.checkpoint_bytes},
          {"spilled_bytes", cost.spilled_bytes},
          {"measured_gflops", cost.gflops}};
}

}  // namespace qreason
