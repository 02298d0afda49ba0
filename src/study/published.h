// A mean of ours beside a published one.
#pragma once

#include <cstdint>
#include <optional>

namespace qreason {

// Means over seeds with their standard deviations (ddof 1), in the same unit, on the same problems: what differs is the
// spread over seeds.
struct SeedMean {
  double mean = 0;
  std::optional<double> std;
  std::int64_t seeds = 0;
};

struct PublishedDifference {
  double difference = 0;  // ours - published
  // difference / sqrt(s^2 / S + s_p^2 / S_p); with one seed of ours, s is taken to be s_p. nullopt without a published
  // deviation or where both are 0.
  std::optional<double> standard_errors;
  std::optional<double> degrees, p_welch;  // Welch (1947); where both have a deviation
};
PublishedDifference compare_published(const SeedMean& ours, const SeedMean& published);

}  // namespace qreason
