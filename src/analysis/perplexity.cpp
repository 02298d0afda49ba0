#include "analysis/perplexity.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "kernels/rows.h"

namespace qreason {
namespace {

// Mean over the window's predictions: row r of its logits predicts token r + 1.
double window_nll(const Decoder& decoder, TokenWindow window, Executor& executor, std::vector<float>& logits) {
  const auto vocabulary = static_cast<std::size_t>(decoder.config().vocab_size);
  const std::size_t predictions = window.size() - 1;
  std::vector<double> losses(predictions);
  WindowLogits pieces(decoder, window, executor);
  while (!pieces.done()) {
    const auto start = static_cast<std::size_t>(pieces.position());
    const std::int64_t rows = pieces.next(logits);
    executor.run(rows, [&](std::int64_t row) {
      const std::size_t at = start + static_cast<std::size_t>(row);
      if (at >= predictions) return;
      const std::span<const float> values(logits.data() + static_cast<std::size_t>(row) * vocabulary, vocabulary);
      const double target = static_cast<double>(values[static_cast<std::size_t>(window[at + 1])]);
      losses[at] = log_sum_exp(values) - target;
    });
  }
  const double sum = std::accumulate(losses.begin(), losses.end(), 0.0);
  if (!std::isfinite(sum)) throw Error("logits", "NaN or infinity", "finite numbers");
  return sum / static_cast<double>(predictions);
}

}  // namespace

PerplexityResult perplexity(const Decoder& decoder, std::span<const TokenWindow> windows, Executor& executor,
                            const std::function<void(std::int64_t done, double perplexity)>& on_window) {
  PerplexityResult result;
  std::vector<float> logits;
  double sum = 0;
  for (const TokenWindow window : windows) {
    const auto predictions = static_cast<std::int64_t>(window.size()) - 1;
    result.window_nll.push_back(window_nll(decoder, window, executor, logits));
    sum += result.window_nll.back() * static_cast<double>(predictions);
    result.tokens += predictions;
    ++result.windows;
    result.mean_nll = sum / static_cast<double>(result.tokens);
    result.perplexity = std::exp(result.mean_nll);
    if (on_window) on_window(result.windows, result.perplexity);
  }
  return result;
}

}  // namespace qreason
