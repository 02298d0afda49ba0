// What a pass tells about one linear that it rounded or changed, in the same words for all passes. Nothing that was
// retried, skipped or clipped is left out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qreason {

struct LinearReport {
  // |W - Q|^2 / |W|^2 over the weights W that the pass was given, and |X (W - Q)^T|^2 / |X W^T|^2 over the calibration
  // inputs X where the pass saw them. Both are parts of one: 0 is no error, 1 as much error as there was signal.
  std::optional<double> weight_error, output_error;
  std::int64_t clipped = 0;  // codes that rounding put outside the range
  double seconds = 0;        // of this linear alone

  // What only this pass can tell, by name: how often something out of the ordinary happened (the report adds them up
  // over the model), and settings, sizes or times that it found.
  std::map<std::string, std::int64_t> counts;
  std::map<std::string, double> numbers;
  // Input columns that it treated apart; empty lists are left out.
  std::map<std::string, std::vector<std::int64_t>> columns;
  // Numbers of a training, by epoch and step; none for passes that do not train.
  std::vector<std::vector<double>> step_losses;
};

}  // namespace qreason
