// How fast this machine does the kinds of work that quantizing is made of, measured for a moment with the kernels that
// do it: `--plan` multiplies (quantize/cost.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "formats/quant_format.h"
#include "kernels/executor.h"

namespace qreason {

inline constexpr std::int64_t kFactorPanel = 256;  // columns of a diagonal block of upper_cholesky.h

struct RateQuestion {
  std::optional<QuantFormat> format;  // of most weights; nullopt: nothing is rounded
  bool calibrates = false;            // whether blocks run at all
  bool views = false;                 // whether weights are changed before they are read
  std::int64_t head_dim = 64;
  std::filesystem::path folder;  // where the checkpoint will be; empty: writing is not measured
};

struct MachineRates {
  // Float32 operations a second: products with packed weights, products of solvers and statistics, attention.
  double products = 0, dense = 0, attention = 0;
  // Seconds: a diagonal block of a factorization; a weight rounded to nearest, or column by column, and compared with
  // what it was; a weight laid out for products; a weight of a float32 copy.
  double panel = 0, rounded = 0, column = 0, laid_out = 0, copied = 0;
  // Seconds of a value: made a double and rounded again, an addition of a Sylvester matrix's level, one of a core.
  double converted = 0, level = 0, core = 0;
  // Bytes a second: onto the disk, and a hash.
  double written = 0, hashed = 0;
};

// Takes about half a second. What the question leaves out stays 0. A file without a name is written in the folder, or
// in the nearest one above that exists, and is gone; where that cannot be done the disk's speed is a guess.
MachineRates measure_rates(const RateQuestion& question, Executor& executor);

}  // namespace qreason
