#include "analysis/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "kernels/rows.h"

namespace qreason {
namespace {

struct TokenComparison {
  double kl = 0;
  double nll_base = 0, nll_model = 0;
  bool same_top1 = false;
};

struct Normalized {
  std::span<const float> logits;
  double log_sum = 0;
};

double kl_of(const Normalized& base, const Normalized& model) {
  const double shift = model.log_sum - base.log_sum;
  const auto base_log_sum = static_cast<float>(base.log_sum);
  double sum = 0;
  for (std::size_t i = 0; i < base.logits.size(); ++i) {
    const double p = std::exp(base.logits[i] - base_log_sum);
    sum += p * (static_cast<double>(base.logits[i]) - static_cast<double>(model.logits[i]) + shift);
  }
  return std::max(sum, 0.0);  // never negative but for rounding
}

TokenComparison compare_token(std::span<const float> base, std::span<const float> model, std::int32_t target) {
  const Normalized p{base, log_sum_exp(base)}, q{model, log_sum_exp(model)};
  if (!std::isfinite(p.log_sum) || !std::isfinite(q.log_sum))
    throw Error("logits", "NaN or infinity", "finite numbers");
  const auto at = static_cast<std::size_t>(target);
  return {.kl = kl_of(p, q),
          .nll_base = p.log_sum - static_cast<double>(base[at]),
          .nll_model = q.log_sum - static_cast<double>(model[at]),
          .same_top1 = arg_max(base) == arg_max(model)};
}

class Comparison {
 public:
  Comparison(const Decoder& base, const Decoder& model, Executor& executor)
      : base_(base), model_(model), executor_(executor) {}

  void add_window(TokenWindow window) {
    WindowLogits base(base_, window, executor_), model(model_, window, executor_);
    const std::size_t offset = tokens_.size(), predictions = window.size() - 1;
    tokens_.resize(offset + predictions);
    const auto vocabulary = static_cast<std::size_t>(base_.config().vocab_size);
    while (!base.done()) {
      const auto start = static_cast<std::size_t>(base.position());
      const std::int64_t rows = base.next(base_logits_);
      model.next(model_logits_);
      executor_.run(rows, [&](std::int64_t row) {
        const std::size_t at = start + static_cast<std::size_t>(row);
        if (at >= predictions) return;
        const std::size_t begin = static_cast<std::size_t>(row) * vocabulary;
        tokens_[offset + at] = compare_token({base_logits_.data() + begin, vocabulary},
                                             {model_logits_.data() + begin, vocabulary}, window[at + 1]);
      });
    }
  }

  const std::vector<TokenComparison>& tokens() const { return tokens_; }

 private:
  const Decoder& base_;
  const Decoder& model_;
  Executor& executor_;
  std::vector<float> base_logits_, model_logits_;
  std::vector<TokenComparison> tokens_;
};

DivergenceResult summary(const std::vector<TokenComparison>& tokens) {
  DivergenceResult result{.tokens = static_cast<std::int64_t>(tokens.size())};
  const auto count = static_cast<double>(tokens.size());
  std::vector<double> divergences;
  double nll_base = 0, nll_model = 0;
  for (const TokenComparison& token : tokens) {
    divergences.push_back(token.kl);
    nll_base += token.nll_base;
    nll_model += token.nll_model;
    result.same_top1 += token.same_top1 ? 1 : 0;
  }
  result.same_top1 /= count;
  result.kl_mean = std::accumulate(divergences.begin(), divergences.end(), 0.0) / count;
  result.kl_p50 = quantile(divergences, 0.5);
  result.kl_p90 = quantile(divergences, 0.9);
  result.kl_p99 = quantile(divergences, 0.99);
  result.kl_max = divergences.back();
  result.perplexity_base = std::exp(nll_base / count);
  result.perplexity_model = std::exp(nll_model / count);
  return result;
}

}  // namespace

double kl_divergence(std::span<const float> base, std::span<const float> model) {
  return kl_of({base, log_sum_exp(base)}, {model, log_sum_exp(model)});
}

double quantile(std::span<double> values, double q) {
  if (values.empty()) throw Error("quantile", "no values", "at least one");
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

DivergenceResult divergence(const Decoder& base, const Decoder& model, std::span<const TokenWindow> windows,
                            Executor& executor,
                            const std::function<void(std::int64_t done, double kl_mean)>& on_window) {
  if (base.config().vocab_size != model.config().vocab_size) {
    throw Error("vocabulary of the two models",
                fmt::format("{} and {} tokens", base.config().vocab_size, model.config().vocab_size), "the same");
  }
  if (windows.empty()) throw Error("text", "no windows", "at least one");
  Comparison comparison(base, model, executor);
  std::int64_t done = 0;
  for (const TokenWindow window : windows) {
    comparison.add_window(window);
    ++done;
    if (!on_window) continue;
    double sum = 0;
    for (const TokenComparison& token : comparison.tokens()) sum += token.kl;
    on_window(done, sum / static_cast<double>(comparison.tokens().size()));
  }
  DivergenceResult result = summary(comparison.tokens());
  result.windows = done;
  return result;
}

}  // namespace qreason
