// How far a model's next-token distributions are from those of the model it was made of, over the predictions of a
// text: KL(base || model) in nats per token, how often both rank the same token first, both perplexities.
//
// Both models read window by window; at no time are more than two pieces of logits (windows.h) in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "analysis/windows.h"

namespace qreason {

struct DivergenceResult {
  double kl_mean = 0;  // nats
  double kl_p50 = 0, kl_p90 = 0, kl_p99 = 0, kl_max = 0;
  double same_top1 = 0;  // share of the tokens, 0 to 1
  double perplexity_base = 0, perplexity_model = 0;
  std::int64_t tokens = 0;
  std::int64_t windows = 0;
};

// sum_i p_i (log p_i - log q_i) of two softmax distributions, p of `base`, q of `model`; 0 for equal logits.
double kl_divergence(std::span<const float> base, std::span<const float> model);

// The q-quantile (0 to 1) of values, between two of them by linear interpolation, as numpy.quantile. Sorts `values`.
double quantile(std::span<double> values, double q);

// Two vocabularies of different size are an Error.
DivergenceResult divergence(const Decoder& base, const Decoder& model, std::span<const TokenWindow> windows,
                            Executor& executor,
                            const std::function<void(std::int64_t done, double kl_mean)>& on_window = {});

}  // namespace qreason
