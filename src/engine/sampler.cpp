#include "engine/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "engine/softmax_weights.h"

namespace qreason {
namespace {

struct Candidate {
  float logit = 0;
  float weight = 0;
  std::int32_t token = 0;
};

bool larger(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

// Memory of one thread, kept between tokens.
struct SamplerMemory {
  std::vector<float> weights;
  std::vector<Candidate> candidates, members;
};

SamplerMemory& workspace() {
  thread_local SamplerMemory memory;
  return memory;
}

void require_finite(double sum) {
  if (!std::isfinite(sum)) throw Error("logits", "NaN or infinity", "finite numbers");
}

// Bounded, so that a logit equal to the largest keeps weight 1 at any temperature.
float inverse_temperature(const SamplingParameters& parameters) {
  return static_cast<float>(std::min(1.0 / parameters.temperature, 1e30));
}

// The k largest, largest first: a heap of the best so far, whose smallest element almost every logit fails to beat.
void select_largest(std::span<const float> logits, std::size_t k, std::vector<Candidate>& best) {
  best.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (best.size() == k && !(logits[i] > best.front().logit)) continue;
    if (best.size() == k) {
      std::pop_heap(best.begin(), best.end(), larger);
      best.pop_back();
    }
    best.push_back({logits[i], 0.0f, static_cast<std::int32_t>(i)});
    std::push_heap(best.begin(), best.end(), larger);
  }
  std::sort_heap(best.begin(), best.end(), larger);
}

// The candidate in whose weight `target` lies, of those side by side.
std::int32_t draw(std::span<const Candidate> candidates, double target) {
  double passed = 0;
  for (const Candidate& candidate : candidates) {
    passed += static_cast<double>(candidate.weight);
    if (target < passed) return candidate.token;
  }
  return candidates.back().token;  // reached by rounding only
}

std::int32_t sample_top_k(std::span<const float> logits, const SamplingParameters& parameters, float reference,
                          double u) {
  SamplerMemory& memory = workspace();
  std::vector<Candidate>& best = memory.candidates;
  select_largest(logits, static_cast<std::size_t>(parameters.top_k), best);
  std::vector<float>& values = memory.weights;
  values.resize(best.size());
  std::transform(best.begin(), best.end(), values.begin(), [](const Candidate& candidate) { return candidate.logit; });
  const double sum = softmax_weights(values, reference, inverse_temperature(parameters), values);
  require_finite(sum);
  double kept = 0;
  std::size_t count = 0;
  while (count < best.size() && (count == 0 || kept < parameters.top_p * sum)) {
    best[count].weight = values[count];
    kept += static_cast<double>(values[count]);
    ++count;
  }
  return draw({best.data(), count}, u * kept);
}

// Candidates in classes of about equal logits, largest first: which class an amount of weight ends in is known without
// sorting any other, whatever a flat distribution keeps. A class weighs what its members do, added in the order of ids.
class LogitClasses {
 public:
  // Weights are above `floor`, reference is the largest logit.
  LogitClasses(std::span<const Candidate> candidates, float reference, float inverse_temperature, float floor)
      : candidates_(candidates), reference_(reference) {
    per_logit_ = static_cast<float>(kClasses) * inverse_temperature / (1.0f - std::log(floor));
    for (const Candidate& candidate : candidates) sums_[class_of(candidate)] += static_cast<double>(candidate.weight);
  }

  // The first class, from the largest on, at whose end `weight` is reached, and what those before it weigh. The last
  // one that has members where rounding keeps it from being reached.
  struct End {
    std::size_t number = 0;
    double before = 0;
  };
  End end_of(double weight) const {
    End end;
    double passed = 0;
    for (std::size_t i = 0; i < kClasses; ++i) {
      if (sums_[i] == 0) continue;
      end = {.number = i, .before = passed};
      passed += sums_[i];
      if (passed >= weight) break;
    }
    return end;
  }

  // Largest first.
  void members(std::size_t number, std::vector<Candidate>& out) const {
    out.clear();
    std::copy_if(candidates_.begin(), candidates_.end(), std::back_inserter(out),
                 [&](const Candidate& candidate) { return class_of(candidate) == number; });
    std::sort(out.begin(), out.end(), larger);
  }

 private:
  static constexpr std::size_t kClasses = 1024;
  std::size_t class_of(const Candidate& candidate) const {
    const float at = std::min((reference_ - candidate.logit) * per_logit_, static_cast<float>(kClasses - 1));
    return static_cast<std::size_t>(static_cast<std::int32_t>(at));
  }

  std::span<const Candidate> candidates_;
  float reference_, per_logit_ = 0;
  std::array<double, kClasses> sums_{};
};

std::int32_t sample_nucleus(std::span<const float> logits, double top_p, float reference, float inverse_temperature,
                            double sum, double u) {
  SamplerMemory& memory = workspace();
  std::vector<Candidate>& candidates = memory.candidates;
  candidates.clear();
  // Tokens this small weigh less than (1 - top_p) * sum all together, so none of them is in the nucleus; half of the
  // bound leaves room for rounding.
  const auto floor = static_cast<float>(0.5 * (1.0 - top_p) * sum / static_cast<double>(logits.size()));
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (memory.weights[i] > floor) candidates.push_back({logits[i], memory.weights[i], static_cast<std::int32_t>(i)});
  }
  const LogitClasses classes(candidates, reference, inverse_temperature, floor);
  const double wanted = top_p * sum;
  const LogitClasses::End cut = classes.end_of(wanted);
  std::vector<Candidate>& members = memory.members;
  classes.members(cut.number, members);
  double kept = cut.before;
  std::size_t count = 0;
  while (count < members.size() && (count == 0 || kept < wanted)) kept += static_cast<double>(members[count++].weight);
  const double target = u * kept;
  if (target >= cut.before) return draw({members.data(), count}, target - cut.before);
  // Past `target`: a weight that ends there does not hold it.
  const LogitClasses::End drawn = classes.end_of(std::nextafter(target, kept));
  classes.members(drawn.number, members);
  return draw(members, target - drawn.before);
}

std::int32_t sample_all(std::span<const float> weights, double sum, double u) {
  const double target = u * sum;
  double passed = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0.0f) continue;
    passed += static_cast<double>(weights[i]);
    last = i;
    if (target < passed) break;
  }
  return static_cast<std::int32_t>(last);
}

}  // namespace

std::int32_t sample_token(std::span<const float> logits, const SamplingParameters& parameters, const SampleKey& key,
                          std::uint64_t index) {
  const float reference = largest(logits);
  require_finite(static_cast<double>(reference));
  if (parameters.temperature == 0) {
    return static_cast<std::int32_t>(std::find(logits.begin(), logits.end(), reference) - logits.begin());
  }
  const double u = counter_uniform(key.seed, key.problem, key.sample, index);
  if (parameters.top_k > 0 && parameters.top_k < static_cast<std::int64_t>(logits.size())) {
    return sample_top_k(logits, parameters, reference, u);
  }
  std::vector<float>& weights = workspace().weights;
  weights.resize(logits.size());
  const float inverse = inverse_temperature(parameters);
  const double sum = softmax_weights(logits, reference, inverse, weights);
  require_finite(sum);
  if (parameters.top_p < 1) return sample_nucleus(logits, parameters.top_p, reference, inverse, sum, u);
  return sample_all(weights, sum, u);
}

void penalize_repetition(std::span<float> logits, std::span<const std::int32_t> tokens, double penalty) {
  std::vector<std::int32_t> seen(tokens.begin(), tokens.end());
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  const auto factor = static_cast<float>(penalty);
  for (const std::int32_t token : seen) {
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

void penalize_presence(std::span<float> logits, std::span<const std::int32_t> answer, double presence,
                       double frequency) {
  std::vector<std::int32_t> seen(answer.begin(), answer.end());
  std::sort(seen.begin(), seen.end());
  for (auto first = seen.begin(); first != seen.end();) {
    const auto end = std::upper_bound(first, seen.end(), *first);
    logits[static_cast<std::size_t>(*first)] -=
        static_cast<float>(presence + static_cast<double>(end - first) * frequency);
    first = end;
  }
}

TokenLogprobs log_probabilities(std::span<const float> logits, std::int32_t taken, std::int64_t top) {
  const auto reference = static_cast<double>(largest(logits));
  require_finite(reference);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - reference);
  require_finite(sum);
  const double shift = reference + std::log(sum);
  const auto logprob = [&](float logit) { return static_cast<float>(static_cast<double>(logit) - shift); };
  TokenLogprobs found{.taken = logprob(logits[static_cast<std::size_t>(taken)]), .forced = false, .top = {}};
  if (top == 0) return found;
  std::vector<Candidate>& best = workspace().candidates;
  select_largest(logits, static_cast<std::size_t>(top), best);
  for (const Candidate& candidate : best) found.top.emplace_back(candidate.token, logprob(candidate.logit));
  return found;
}

}  // namespace qreason
