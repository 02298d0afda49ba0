// How the server of a sandbox (server.py) is started.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"

namespace qreason {

inline constexpr int kNobody = 65534;  // who we become where we are root

// In bubblewrap; descriptor `filter` of it is the filter of system calls. `packages`: of SandboxPlace. Error: no
// Python.
std::vector<std::string> sandboxed_command(const SandboxLimits& limits, std::string_view prelude, int filter,
                                           const std::filesystem::path& packages);

// As it is, with `scratch` as the folder of its own.
std::vector<std::string> bare_command(const SandboxLimits& limits, std::string_view prelude,
                                      const std::filesystem::path& scratch, const std::filesystem::path& packages);

// The environment of both, "NAME=VALUE" each. (NumPy would begin with a thread for each core, beyond the limits.)
std::vector<std::string> server_environment(const std::filesystem::path& scratch);

}  // namespace qreason
