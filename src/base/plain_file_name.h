// Names of files from outside that may become names here.
#pragma once

#include <string_view>

namespace qreason {

// Letters, digits and -._ without a dot or a hyphen at the front; at most 200.
bool is_plain_file_name(std::string_view name);

// One or more of these with slashes between them.
bool is_plain_file_path(std::string_view path);

}  // namespace qreason
