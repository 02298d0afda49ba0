// What a recipe will cost before it runs: time, memory, disk.
#pragma once

#include <cstdint>

#include "base/json.h"
#include "kernels/executor.h"
#include "quantize/recipe.h"

namespace qreason {

struct CostQuestion {
  const Recipe& recipe;
  const ModelConfig& config;  // of the float model
  CalibrationSize calibration;
  std::uint64_t activation_memory = 0;
  std::uint64_t copied_bytes = 0;  // files that go into the checkpoint as they are: tokenizer, templates
};

struct QuantizeCost {
  std::int64_t blocks = 0;
  std::uint64_t peak_memory_bytes = 0;  // weights and statistics of a block, activations in memory, work space
  std::uint64_t disk_bytes = 0;         // the checkpoint, and activations that do not fit into memory
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t spilled_bytes = 0;
  double seconds = 0;
  double gflops = 0;  // measured: float32 products of this machine
};

// Measures the speed of a float32 product for a fraction of a second.
QuantizeCost estimate_cost(const CostQuestion& question, Executor& executor);

OrderedJson to_json(const QuantizeCost& cost);

}  // namespace qreason
