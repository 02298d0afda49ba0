#include "cli/seeds.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"

namespace qreason {
namespace {

constexpr std::uint64_t kMostSeeds = 100000;

std::uint64_t parse_seed(const std::string& digits, const std::string& item) {
  const bool number =
      !digits.empty() && digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string::npos;
  if (!number)
    throw Error::usage("--seeds", fmt::format("\"{}\"", item), "whole numbers from 0 and ranges, as in 42,43 or 42-51");
  return std::stoull(digits);
}

}  // namespace

std::vector<std::uint64_t> parse_seeds(const std::vector<std::string>& items) {
  std::vector<std::uint64_t> seeds;
  std::set<std::uint64_t> seen;
  for (const std::string& item : items) {
    const std::size_t dash = item.find('-');
    const std::uint64_t first = parse_seed(item.substr(0, dash), item);
    const std::uint64_t last = dash == std::string::npos ? first : parse_seed(item.substr(dash + 1), item);
    if (last < first) throw Error::usage("--seeds", fmt::format("\"{}\"", item), "the smaller number first");
    if (last - first >= kMostSeeds - seeds.size())
      throw Error::usage("--seeds", fmt::format("\"{}\"", item), fmt::format("at most {} seeds", kMostSeeds));
    for (std::uint64_t seed = first; seed <= last; ++seed) {
      if (!seen.insert(seed).second) throw Error::usage("--seeds", fmt::format("{} twice", seed), "each once");
      seeds.push_back(seed);
    }
  }
  return seeds;
}

}  // namespace qreason
