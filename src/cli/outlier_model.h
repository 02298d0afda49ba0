// Writes a model with outliers: what `qreason outliers` and a study share.
#pragma once

#include <filesystem>

#include "base/staged_directory.h"
#include "cli/model_loader.h"
#include "model/outliers.h"

namespace qreason {

// A model in the Hugging Face layout that computes what `model` computes (model/outliers.h), complete or absent, with
// its tokenizer and its own calibration traces. Errors: a model that does not fit into memory; as of OutlierModel; an
// output that is there.
void write_outlier_model(const OpenedModel& model, const OutlierOptions& options, const std::filesystem::path& folder,
                         IfExists if_exists);

}  // namespace qreason
