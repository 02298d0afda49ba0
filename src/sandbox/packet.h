// What is said to the server of a sandbox (server.py): a short text, with descriptors.
#pragma once

#include <span>
#include <string_view>

namespace qreason {

// Whether it was sent: not where the other end is gone.
bool send_packet(int socket, std::string_view text, std::span<const int> descriptors);

}  // namespace qreason
