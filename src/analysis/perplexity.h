// The study's perplexity: a text tokenized once, consecutive windows, each read on its own from position 0; exp of the
// mean negative log-likelihood (nats) over the window - 1 predictions of every window.
//
// (The reference multiplies each window's mean by the window's length and divides by all lengths: with windows of one
// size, as here, the same number.)
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "analysis/windows.h"

namespace qreason {

struct PerplexityResult {
  double mean_nll = 0;  // nats
  double perplexity = 0;
  std::int64_t tokens = 0;  // predicted ones
  std::int64_t windows = 0;
  std::vector<double> window_nll;  // mean of each window
};

// `on_window` (may be empty) hears how many windows are done and the perplexity so far.
PerplexityResult perplexity(const Decoder& decoder, std::span<const TokenWindow> windows, Executor& executor,
                            const std::function<void(std::int64_t done, double perplexity)>& on_window = {});

}  // namespace qreason
