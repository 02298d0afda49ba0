// Writes a model for other programs, and measures what that changed: what `qreason convert` does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/output_path.h"
#include "checkpoint/export/export.h"
#include "cli/model_loader.h"

namespace qreason {

struct ConversionRequest {
  const OpenedModel& model;
  const ExportFormat& format;
  std::filesystem::path output;
  std::string type;  // ExportOptions::type
  ScaleRounding scales = ScaleRounding::kRefused;
  std::int64_t sample_tokens = 1024;  // read by both models where numbers changed; 0: none
  IfExists if_exists = IfExists::kError;
};

struct ConversionResult {
  std::string written_as;
  std::uint64_t bytes = 0;  // of tensors
  NumberChanges scales, numbers;
  bool rounds_inputs = false;  // PreparedExport::rounds_inputs()
  // KL(MODEL || converted), nats a token, where numbers changed and it was measured; else why it was not.
  std::optional<double> kl_mean;
  std::int64_t kl_tokens = 0;
  std::string not_measured;
};

// A folder with the tokenizer's files, or a file with the tokenizer inside, complete or absent. Errors: of
// prepare_export(); an output that is there; too little disk.
ConversionResult convert_model(const ConversionRequest& request);

}  // namespace qreason
