// Quantizes an open model into a directory: what `qreason quantize` and the cells of a study share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/staged_directory.h"
#include "cli/model_loader.h"
#include "quantize/calibration_set.h"
#include "quantize/cost.h"
#include "quantize/recipe.h"

namespace qreason {

struct QuantizeRequest {
  const OpenedModel& model;
  Recipe recipe;
  std::optional<std::string> calibration_source;  // instead of the recipe's
  std::filesystem::path output;
  std::uint64_t activation_memory = std::uint64_t{2'000'000'000};
  std::optional<at::Device> device = std::nullopt;  // as of --device
  // kReplace also starts over where a killed run of another job left its work.
  IfExists if_exists = IfExists::kError;
};

struct QuantizationPlan {
  Recipe recipe;  // with the calibration set that was really loaded
  std::optional<CalibrationSet> calibration;
  QuantizeCost cost;  // seconds: since the process began
  CalibrationSize size;
  std::uint64_t activation_memory = 0;
  std::uint64_t program_bytes = 0;  // memory of the process before the work
};

// Refuses a model that is quantized, an output that is there or that must not be replaced (base/staged_directory.h),
// before anything is loaded or made.
void require_output(const QuantizeRequest& request);

// Loads the calibration set, validates the recipe and estimates what it will take; changes nothing.
QuantizationPlan plan_quantization(const QuantizeRequest& request);

// The plan of a model of which only a config.json is there: the calibration set is as large as the recipe says, and
// choices that need weights are open.
QuantizationPlan plan_of_config(const ModelConfig& config, Recipe recipe, std::uint64_t activation_memory);

// Refuses what cannot fit into memory or on the disk (of `output`, or of the current folder where it is empty), naming
// what would.
void require_room(const ModelConfig& config, const QuantizationPlan& plan, const std::filesystem::path& output);

// The same; then makes request.output, complete or absent, going on where a
// killed run stopped. Returns report.json.
OrderedJson quantize_model(const QuantizeRequest& request, const QuantizationPlan& plan);

}  // namespace qreason
