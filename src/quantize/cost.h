// What a recipe will cost before it runs: time, memory, disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/json.h"
#include "kernels/executor.h"
#include "quantize/machine_rates.h"
#include "quantize/recipe.h"

namespace qreason {

struct CostQuestion {
  const Recipe& recipe;
  const ModelConfig& config;  // of the float model
  CalibrationSize calibration;
  std::uint64_t activation_memory = 0;
  std::uint64_t copied_bytes = 0;   // files that go into the checkpoint as they are: tokenizer, templates
  std::filesystem::path folder{};   // where the checkpoint will be; empty: the disk is not measured
  double read_rate = 0;             // bytes a second at which the model's tensors come; 0: at once
  std::uint64_t program_bytes = 0;  // memory of the process as it is: program, tokenizer, calibration set; 0: a guess
};

struct QuantizeCost {
  std::int64_t blocks = 0;
  std::uint64_t peak_memory_bytes = 0;      // of the process, parts of the model's files that are mapped included
  std::uint64_t repeated_memory_bytes = 0;  // the same where a factorization must be repeated in float64
  std::uint64_t disk_bytes = 0;             // the checkpoint, and activations that do not fit into memory
  std::uint64_t checkpoint_bytes = 0;
  std::uint64_t spilled_bytes = 0;
  double seconds = 0;                 // from here to the finished checkpoint
  std::vector<double> phase_seconds;  // of it: each statistics pass, then all block passes
  MachineRates rates;
};

// Measures the machine for about half a second.
QuantizeCost estimate_cost(const CostQuestion& question, Executor& executor);

// Its memory and disk alone, without measuring: seconds and rates stay 0.
QuantizeCost estimate_sizes(const CostQuestion& question);

// Settings that would let the recipe run in so much memory: an activation memory, fewer samples, shorter ones, each
// alone where it is enough, else together. Empty where none is.
struct FittingSettings {
  std::optional<std::uint64_t> activation_memory;
  std::optional<std::int64_t> samples, length;
  bool any() const { return activation_memory || samples || length; }
};
std::vector<FittingSettings> settings_that_fit(const CostQuestion& question, std::uint64_t memory);

OrderedJson to_json(const QuantizeCost& cost);

}  // namespace qreason
