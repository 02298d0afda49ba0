// The files besides the weights that make a directory a model people can talk to.
#pragma once

#include <cstdint>
#include <filesystem>

#include "cli/model_loader.h"

namespace qreason {

// Tokenizer, chat template, prompt form and generation_config.json of `model` into `folder`: copied from a directory,
// written anew from a GGUF file. A model without a tokenizer gives none.
void put_tokenizer_files(const OpenedModel& model, const std::filesystem::path& folder);
// The bytes that it will write.
std::uint64_t tokenizer_file_bytes(const OpenedModel& model);

}  // namespace qreason
