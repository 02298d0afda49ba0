// Seeds as a user lists them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qreason {

// Items as of --seeds: numbers from 0 and ranges of them, both ends included: "42", "42-51". In the order given; one
// that comes twice, a range that falls and more than 100000 in all are usage Errors.
std::vector<std::uint64_t> parse_seeds(const std::vector<std::string>& items);

}  // namespace qreason
