// The models this project is about: the seven of the study, the small real ones that package indexes carry, and what
// lies in the local store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace qreason {

struct ZooModel {
  std::string_view name;          // what the user types
  std::string_view hub_id;        // organisation/name on the hub; empty: one of our own, in the project's models/
  std::string_view architecture;  // class name of Hugging Face
  std::int64_t parameters;
  std::string_view licence;
  std::string_view fetch;  // a command besides `qreason pull` that puts it into the store, or empty

  bool ships() const { return hub_id.empty(); }
};

// The seven studied models (sizes from their configurations), the small ones that demos use, and our own.
const std::vector<ZooModel>& model_zoo();

// One line that says how to get it into the store.
std::string how_to_obtain(const ZooModel& model);

// The folder models/ of the checkout that this program was built in (the binary is build*/qreason there).
std::filesystem::path shipped_models();

struct StoredModel {
  std::string name;            // what it is called: relative to the store or what pull put it below, without .gguf
  std::filesystem::path path;  // a directory with a config.json, or a .gguf file
  std::uint64_t bytes = 0;
};

// What the store (data/locations.h) holds, by name; a store that does not exist holds nothing. Directories that are no
// models are entered once (organisation/name).
std::vector<StoredModel> stored_models();

}  // namespace qreason
