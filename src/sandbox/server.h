// The Python program that is process 1 of a sandbox (server.py says what it does).
#pragma once

#include <string_view>

namespace qreason {

std::string_view sandbox_server();

}  // namespace qreason
