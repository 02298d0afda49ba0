// Float models as transformers reads them.
#pragma once

#include <filesystem>
#include <string>

#include "model/weights.h"

namespace qreason {

// config.json (the text as given) and model.safetensors with every tensor of the model in the type the source has it
// in, biases in that of their matrix where it holds them exactly. All tensors are in memory or in maps until the file
// is written. Errors: a quantized linear; a folder that does not open as the model that the text describes.
void write_hf_model(const std::filesystem::path& folder, const WeightSource& source, const std::string& config_text);

}  // namespace qreason
