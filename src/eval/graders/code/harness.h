// What runs a program of an answer inside a sandbox (harness.py says how).
#pragma once

#include <string_view>

namespace qreason {

std::string_view code_harness();

}  // namespace qreason
