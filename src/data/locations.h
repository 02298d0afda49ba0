// Where data files are looked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace qreason {

// Where models and data of the user are: $QREASON_STORE, else ~/.cache/qreason. nullopt when neither it nor HOME is set
// (a service, a container with a numeric user): then there is no store, and what ships with the program is all there
// is.
std::optional<std::filesystem::path> store_folder();

// The data folders that ship with the program: beside an installed or a built executable, and the source tree's own.
// Those that exist, best first.
std::vector<std::filesystem::path> shipped_data_folders();

// A folder or file of the shipped data, for instance "gsm8k/test.jsonl"; nullopt when it is not there.
std::optional<std::filesystem::path> shipped_data(const std::string& relative);

// Where named data sets are looked for, in order: $QREASON_DATA, the folder `data` of a store, the shipped folders.
std::vector<std::filesystem::path> data_folders();

// The extension of a file of rows, packing included (".jsonl", ".csv.gz"); empty for what is not read.
std::string data_extension(const std::string& file);

// The data file of a short name in a folder: NAME.EXT or NAME/test.EXT with EXT jsonl, json, csv or parquet, then the
// same with .gz and .zst; the first that exists.
std::optional<std::filesystem::path> find_data_file(const std::filesystem::path& folder, const std::string& name);

}  // namespace qreason
