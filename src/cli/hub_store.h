// Where the store (data/locations.h) keeps what `qreason pull` brings: models/ORG/NAME[@REVISION] is a model's folder,
// gguf/ORG/NAME[@REVISION]/FILE.gguf a single file of a repository, data/ the data sets under their short names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "net/hub.h"

namespace qreason {

// The store, which is made when something is put there. Error: there is none.
std::filesystem::path required_store();

std::filesystem::path pulled_model(const std::filesystem::path& store, const HubReference& reference);
std::filesystem::path pulled_gguf(const std::filesystem::path& store, const HubReference& reference,
                                  const std::string& file);

// What was pulled under "org/name[@revision]", or of a repository's .gguf files "org/name[@revision]/FILE[.gguf]"; the
// file's name may be left out where there is one. Error: where there are several.
std::optional<std::filesystem::path> find_pulled(const std::filesystem::path& store, const std::string& reference);

}  // namespace qreason
