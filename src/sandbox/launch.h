// Starts the processes of a sandbox.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "sandbox/owned_descriptor.h"
#include "sandbox/sandbox.h"

namespace qreason {

struct LaunchedSandbox {
  pid_t launcher = -1;            // bubblewrap outside, or the server itself: our child, in a session of its own
  pid_t server = -1;              // process 1 of the sandbox, as this side numbers it; killing it ends all
  OwnedDescriptor server_handle;  // a pidfd of it
  OwnedDescriptor control;        // the socket to it (server.py says what is sent)
  std::filesystem::path scratch;  // without a sandbox: the folder of its own, which goes with it
};

// Starts one and waits until its server is ready. Error: what bubblewrap said, or that it or Python is missing.
LaunchedSandbox launch_sandbox(const SandboxLimits& limits, std::string_view prelude, const SandboxPlace& place);

// Kills all that is in it and waits until it is gone.
void end_sandbox(LaunchedSandbox& sandbox);

}  // namespace qreason
