// Renaming that writes over nothing.
#pragma once

#include <filesystem>

namespace qreason {

// An Error where something of that name is there, were it an empty folder; where the file system cannot tell, it is
// looked at first.
void rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to);

// Each gets the other's name in one step; false where the file system has no such thing.
bool exchange_names(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace qreason
