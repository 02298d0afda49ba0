// The rotary frequencies of a ModelConfig. Each line rounds to float32 where transformers (modeling_rope_utils) does.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/config.h"

namespace qreason {
namespace {

// base^exponent in float32.
float power(double base, float exponent) {
  return static_cast<float>(std::pow(base, static_cast<double>(exponent)));
}

float exponent_of(const ModelConfig& config, std::int64_t pair) {
  return static_cast<float>(2 * pair) / static_cast<float>(config.head_dim);
}

std::vector<float> unscaled(const ModelConfig& config, double base) {
  std::vector<float> frequencies;
  for (std::int64_t pair = 0; pair < config.head_dim / 2; ++pair) {
    frequencies.push_back(1 / power(base, exponent_of(config, pair)));
  }
  return frequencies;
}

float llama3_scaled(float frequency, const Llama3RopeScaling& scaling) {
  const auto factor = static_cast<float>(scaling.factor);
  const auto original = static_cast<float>(scaling.original_max_positions);
  const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wavelength < static_cast<float>(scaling.original_max_positions / scaling.high_frequency_factor)) return frequency;
  if (wavelength > static_cast<float>(scaling.original_max_positions / scaling.low_frequency_factor)) {
    return frequency / factor;
  }
  const float smooth = (original / wavelength - static_cast<float>(scaling.low_frequency_factor)) /
                       static_cast<float>(scaling.high_frequency_factor - scaling.low_frequency_factor);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

// The length is a tensor there, so that all but the exponent is float32.
double dynamic_base(const ModelConfig& config, const DynamicRopeScaling& scaling, std::int64_t length) {
  if (length <= scaling.original_max_positions) return config.rope_theta;
  const float ratio = static_cast<float>(scaling.factor) * static_cast<float>(length) /
                      static_cast<float>(scaling.original_max_positions);
  const double exponent = static_cast<double>(config.head_dim) / static_cast<double>(config.head_dim - 2);
  const auto stretch =
      static_cast<float>(std::pow(static_cast<double>(ratio - static_cast<float>(scaling.factor - 1)), exponent));
  return static_cast<float>(config.rope_theta) * stretch;
}

// The (fractional) pair that turns so many times over the original context.
double pair_of_turns(double turns, const ModelConfig& config, const YarnRopeScaling& scaling) {
  const double positions = static_cast<double>(scaling.original_max_positions);
  return static_cast<double>(config.head_dim) * std::log(positions / (turns * 2 * std::numbers::pi)) /
         (2 * std::log(config.rope_theta));
}

std::vector<float> yarn_scaled(const ModelConfig& config, const YarnRopeScaling& scaling) {
  double low = pair_of_turns(scaling.beta_fast, config, scaling),
         high = pair_of_turns(scaling.beta_slow, config, scaling);
  if (scaling.range == YarnRopeScaling::Range::kWholePairs) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.head_dim - 1));
  if (low == high) high += 0.001;  // no step is infinitely steep
  std::vector<float> frequencies;
  for (std::int64_t pair = 0; pair < config.head_dim / 2; ++pair) {
    const float turning = power(config.rope_theta, exponent_of(config, pair));
    const float extrapolated = 1 / turning, interpolated = 1 / (static_cast<float>(scaling.factor) * turning);
    const float ramp = (static_cast<float>(pair) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float kept = 1 - std::clamp(ramp, 0.0f, 1.0f);
    frequencies.push_back(interpolated * (1 - kept) + extrapolated * kept);
  }
  return frequencies;
}

}  // namespace

std::vector<float> rope_inverse_frequencies(const ModelConfig& config, std::int64_t length) {
  if (config.rope_scaling) {
    if (const auto* yarn = std::get_if<YarnRopeScaling>(&*config.rope_scaling)) return yarn_scaled(config, *yarn);
    if (const auto* dynamic = std::get_if<DynamicRopeScaling>(&*config.rope_scaling)) {
      return unscaled(config, dynamic_base(config, *dynamic, length));
    }
  }
  std::vector<float> frequencies = unscaled(config, config.rope_theta);
  for (std::size_t pair = 0; pair < frequencies.size(); ++pair) {
    float& frequency = frequencies[pair];
    if (config.rope_scaling) {
      if (const auto* llama3 = std::get_if<Llama3RopeScaling>(&*config.rope_scaling)) {
        frequency = llama3_scaled(frequency, *llama3);
      } else {
        frequency /= static_cast<float>(std::get<LinearRopeScaling>(*config.rope_scaling).factor);
      }
    }
    if (!config.rope_frequency_divisors.empty()) frequency /= config.rope_frequency_divisors[pair];
  }
  return frequencies;
}

double rope_attention_factor(const ModelConfig& config) {
  const auto* yarn = config.rope_scaling ? std::get_if<YarnRopeScaling>(&*config.rope_scaling) : nullptr;
  if (yarn == nullptr) return 1;
  if (yarn->attention_factor) return *yarn->attention_factor;
  const auto stretch = [&](double mscale) {
    return yarn->factor <= 1 ? 1.0 : 0.1 * mscale * std::log(yarn->factor) + 1.0;
  };
  const bool both = yarn->mscale.value_or(0) != 0 && yarn->mscale_all_dim.value_or(0) != 0;
  return both ? stretch(*yarn->mscale) / stretch(*yarn->mscale_all_dim) : stretch(1);
}

}  // namespace qreason
