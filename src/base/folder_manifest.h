// Folders that qreason made, known by a file in them that lists the files of the program; what else is in them is
// somebody's, and is neither removed nor replaced.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace qreason {

inline constexpr const char* kFolderManifest = "qreason_folder.json";

// Whatever is no folder, links to folders included: names relative to `folder`, in order.
std::vector<std::string> files_in(const std::filesystem::path& folder);

// `files` without the manifest itself.
void write_manifest(const std::filesystem::path& folder, const std::vector<std::string>& files);

bool has_manifest(const std::filesystem::path& folder);
// With a manifest that lists files: complete, wherever it lies and whatever it is called.
bool is_finished_folder(const std::filesystem::path& folder);

// Errors: neither empty nor with a manifest, or with a file that the manifest does not list.
void require_ours(const std::filesystem::path& folder);

// Removes the files of these names, then the folders in it that are empty. What else is there stays.
void remove_files(const std::filesystem::path& folder, const std::set<std::string>& names);

// Removes what the manifest lists, and the folder. Errors: as of require_ours(); what could not be removed.
void remove_ours(const std::filesystem::path& folder);

}  // namespace qreason
