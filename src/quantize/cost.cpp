#include "quantize/cost.h"

#include <algorithm>
#include <vector>

#include "kernels/matmul.h"
#include "quantize/block_visit.h"

namespace qreason {
namespace {

constexpr double kMega = 1e6;

// Sums over the seven linears of a block; sizes in double, which holds what a hostile config could overflow.
struct BlockSums {
  double weights = 0, largest = 0, stored_bytes = 0, rounding_flops = 0;
};

BlockSums sums_of(const ModelConfig& config, const BlockPlan& plan, double dense_bytes) {
  BlockSums sums;
  for (const LinearSlot slot : kLinearSlots) {
    const LinearShape shape = linear_shape(config, slot);
    const auto columns = static_cast<double>(shape.columns);
    const double count = static_cast<double>(shape.rows) * columns;
    sums.weights += count;
    sums.largest = std::max(sums.largest, count);
    sums.rounding_flops += count * columns;
    const auto found = plan.weights.find(slot);
    if (found == plan.weights.end()) {
      sums.stored_bytes += count * dense_bytes;
      continue;
    }
    const QuantFormat& format = found->second;
    const double group = format.granularity == Granularity::kGroup ? format.group_size : columns;
    const double group_bytes = format.symmetry == Symmetry::kAsymmetric ? 5 : 4;
    sums.stored_bytes += count * format.bits / 8 + count / group * group_bytes;
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

// Forward passes, Hessians, factors and updates of a walk that rounds block by block.
WalkCost walk_cost(const ModelConfig& config, const BlockSums& block, CalibrationSize calibration, double limit) {
  const auto tokens = static_cast<double>(calibration.tokens), longest = static_cast<double>(calibration.longest);
  const auto hidden = static_cast<double>(config.hidden_size), middle = static_cast<double>(config.intermediate_size);
  const auto query = static_cast<double>(config.heads * config.head_dim);
  WalkCost cost;
  double left = limit;
  for (const double width : {hidden, query}) {
    const double bytes = 4 * tokens * width;
    (bytes <= left ? cost.memory : cost.spilled) += bytes;
    if (bytes <= left) left -= bytes;
  }
  const bool middle_kept = 4 * tokens * middle <= left;
  if (middle_kept) cost.memory += 4 * tokens * middle;
  const double widest = std::max({hidden, query, middle});
  cost.memory += 4 * longest * (4 * hidden + 3 * query + 4 * middle) + 2 * 4 * widest * widest;
  double per_block = 2 * tokens * block.weights + (middle_kept ? 0 : 4 * tokens * hidden * middle);
  per_block += 2 * tokens * longest * query;
  for (const double width : {hidden, query, hidden, middle})
    per_block += tokens * width * width + width * width * width / 3;
  per_block += block.rounding_flops;
  cost.flops = per_block * static_cast<double>(config.layers);
  return cost;
}

}  // namespace

QuantizeCost estimate_cost(const Recipe& recipe, const ModelConfig& config, CalibrationSize calibration,
                           std::uint64_t activation_memory, Executor& executor) {
  const ModelPlan plan = validate(recipe, config);
  const double dense_bytes = config.stored_type == StoredType::kFloat32 ? 4 : 2;
  const BlockSums block = sums_of(config, plan.blocks.front(), dense_bytes);
  double stored_bytes = 0;
  for (const BlockPlan& planned : plan.blocks) stored_bytes += sums_of(config, planned, dense_bytes).stored_bytes;
  const auto layers = static_cast<double>(config.layers);
  const double outside = static_cast<double>(config.vocab_size) * static_cast<double>(config.hidden_size) *
                         (config.tied_embeddings ? 1 : 2);

  QuantizeCost cost;
  cost.blocks = config.layers;
  const double flops = measure_flops(executor);
  cost.gflops = flops / 1e9;
  const WalkCost walk = needs_calibration(recipe)
                            ? walk_cost(config, block, calibration, static_cast<double>(activation_memory))
                            : WalkCost{};
  // Float weights of the block and what replaces them (a byte a code, and packed), copies of the linear in work, the
  // tables outside of the blocks while they are written, and the program itself.
  const double weights =
      (needs_calibration(recipe) ? 4 * block.weights : 0) + 2.5 * block.weights + 4 * 4 * block.largest;
  cost.peak_memory_bytes = static_cast<std::uint64_t>(walk.memory + weights + dense_bytes * outside + 150 * kMega);
  cost.checkpoint_bytes = static_cast<std::uint64_t>(stored_bytes + dense_bytes * outside + 4 * kMega);
  cost.spilled_bytes = static_cast<std::uint64_t>(walk.spilled);
  cost.disk_bytes = cost.checkpoint_bytes + cost.spilled_bytes;
  // Rounding itself: about 100 ns a weight and thread with the range search, 10 ns without.
  const auto searches = [](const BlockPlan& planned) {
    return std::any_of(planned.weights.begin(), planned.weights.end(),
                       [](const auto& entry) { return entry.second.search == RangeSearch::kMse; });
  };
  const bool searched = std::any_of(plan.blocks.begin(), plan.blocks.end(), searches);
  const double rounding = layers * block.weights * (searched ? 100e-9 : 10e-9) / executor.threads();
  cost.seconds = walk.flops / flops + rounding + static_cast<double>(cost.checkpoint_bytes) / 500e6;
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
